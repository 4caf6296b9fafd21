//! Which names an expression uses that there are not.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr};

use super::{FIELDS_OF, Scope};

/// Names of types, and beginnings of such.
const TYPES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "dyn",
    "google",
    "int",
    "kubernetes",
    "list",
    "map",
    "net",
    "null_type",
    "string",
    "type",
    "uint",
    "Object",
    "JSONPatch",
];
/// Beginnings of names of functions: `sets.contains`.
const LIBRARIES: &[&str] =
    &["base64", "cel", "cidr", "format", "ip", "jsonpatch", "lists", "math", "optional", "regex", "sets", "strings"];
/// Calls whose first arguments are names for what the last ones say.
const BINDERS: &[&str] = &[
    "all",
    "bind",
    "exists",
    "existsOne",
    "exists_one",
    "filter",
    "map",
    "optFlatMap",
    "optMap",
    "sortBy",
    "transformList",
    "transformMap",
    "transformMapEntry",
];

/// Every part that names what there is not, and what is said of it.
pub(super) fn unknown(expression: &IdedExpr, scope: &Scope<'_>) -> Vec<(u64, String)> {
    let mut walk = Walk { scope, bound: Vec::new(), unknown: Vec::new() };
    walk.visit(expression);
    walk.unknown
}

struct Walk<'a> {
    scope: &'a Scope<'a>,
    /// Names that the expression itself gives, innermost last.
    bound: Vec<&'a str>,
    unknown: Vec<(u64, String)>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, at: &'a IdedExpr) {
        match &at.expr {
            Expr::Ident(name) => {
                let name = name.trim_start_matches('.');
                if !self.is_known(name) && !TYPES.contains(&name) {
                    self.unknown.push((at.id, format!("undeclared reference to '{name}' (in container '')")));
                }
            }
            Expr::Select(select) => {
                self.visit(&select.operand);
                let of_own = matches!(&select.operand.expr, Expr::Ident(name) if name == FIELDS_OF);
                let field = select.field.as_str();
                if of_own && self.is_known(FIELDS_OF) && !self.scope.fields.contains(&field) {
                    self.unknown.push((at.id, format!("undefined field '{field}'")));
                }
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => list.elements.iter().for_each(|one| self.visit(one)),
            Expr::Map(map) => map.entries.iter().for_each(|one| self.entry(one)),
            Expr::Struct(made) => made.entries.iter().for_each(|one| self.entry(one)),
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    /// Whether it is a variable, or a name that the expression gave; names with `@` are those of macros.
    fn is_known(&self, name: &str) -> bool {
        name.starts_with('@') || self.bound.contains(&name) || self.scope.variables.contains(&name)
    }

    fn call(&mut self, call: &'a CallExpr) {
        if let Some(target) = &call.target {
            let library = matches!(&target.expr, Expr::Ident(name)
                if LIBRARIES.contains(&name.as_str()) && !self.is_known(name));
            if !library {
                self.visit(target);
            }
        }
        let before = self.bound.len();
        let binds = call.target.is_some() && BINDERS.contains(&call.func_name.as_str());
        let most = if binds { call.args.len().saturating_sub(1) } else { 0 };
        let names = call.args.iter().take(most).map_while(|one| match &one.expr {
            Expr::Ident(name) => Some(name.as_str()),
            _ => None,
        });
        self.bound.extend(names);
        let given = self.bound.len() - before;
        call.args.iter().skip(given).for_each(|one| self.visit(one));
        self.bound.truncate(before);
    }

    fn comprehension(&mut self, of: &'a ComprehensionExpr) {
        self.visit(&of.iter_range);
        self.visit(&of.accu_init);
        let before = self.bound.len();
        self.bound.push(&of.accu_var);
        self.visit(&of.result);
        self.bound.push(&of.iter_var);
        self.bound.extend(of.iter_var2.as_deref());
        self.visit(&of.loop_cond);
        self.visit(&of.loop_step);
        self.bound.truncate(before);
    }

    fn entry(&mut self, entry: &'a IdedEntryExpr) {
        match &entry.expr {
            EntryExpr::StructField(field) => self.visit(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key);
                self.visit(&entry.value);
            }
        }
    }
}
