//! The messages of `openapi.v2` that are written, and the numbers of their fields.

/// How a field is written.
pub(super) enum Form {
    Text,
    Texts,
    Flag,
    Whole,
    Number,
    /// A value of any type, as text.
    Any,
    /// Values of any type.
    Anys,
    One(&'static Message),
    Many(&'static Message),
    /// A map, as a list of pairs of a name and a message.
    Named(&'static Message),
    /// Parameters, whose message depends on where they stand in a request.
    Parameters,
    /// What is required of a requester: names of kinds of security, each without scopes.
    Requirements,
}

/// A field: its name in JSON and its number; before it the numbers of messages that hold nothing else.
pub(super) struct Field(pub(super) &'static str, pub(super) &'static [u32], pub(super) Form);

pub(super) struct Message {
    pub(super) fields: &'static [Field],
    /// Number of the pairs of names that begin with `x-` and their values.
    pub(super) extensions: u32,
}

pub(super) static SCHEMA: Message = Message {
    fields: &[
        Field("$ref", &[1], Form::Text),
        Field("format", &[2], Form::Text),
        Field("title", &[3], Form::Text),
        Field("description", &[4], Form::Text),
        Field("default", &[5], Form::Any),
        Field("multipleOf", &[6], Form::Number),
        Field("maximum", &[7], Form::Number),
        Field("exclusiveMaximum", &[8], Form::Flag),
        Field("minimum", &[9], Form::Number),
        Field("exclusiveMinimum", &[10], Form::Flag),
        Field("maxLength", &[11], Form::Whole),
        Field("minLength", &[12], Form::Whole),
        Field("pattern", &[13], Form::Text),
        Field("maxItems", &[14], Form::Whole),
        Field("minItems", &[15], Form::Whole),
        Field("uniqueItems", &[16], Form::Flag),
        Field("maxProperties", &[17], Form::Whole),
        Field("minProperties", &[18], Form::Whole),
        Field("required", &[19], Form::Texts),
        Field("enum", &[20], Form::Anys),
        Field("additionalProperties", &[21, 1], Form::One(&SCHEMA)),
        Field("type", &[22, 1], Form::Text),
        Field("items", &[23, 1], Form::One(&SCHEMA)),
        Field("allOf", &[24], Form::Many(&SCHEMA)),
        Field("properties", &[25, 1], Form::Named(&SCHEMA)),
    ],
    extensions: 31,
};

pub(super) static PATH_ITEM: Message = Message {
    fields: &[
        Field("get", &[2], Form::One(&OPERATION)),
        Field("put", &[3], Form::One(&OPERATION)),
        Field("post", &[4], Form::One(&OPERATION)),
        Field("delete", &[5], Form::One(&OPERATION)),
        Field("patch", &[8], Form::One(&OPERATION)),
        Field("parameters", &[9], Form::Parameters),
    ],
    extensions: 10,
};

pub(super) static OPERATION: Message = Message {
    fields: &[
        Field("tags", &[1], Form::Texts),
        Field("summary", &[2], Form::Text),
        Field("description", &[3], Form::Text),
        Field("operationId", &[5], Form::Text),
        Field("produces", &[6], Form::Texts),
        Field("consumes", &[7], Form::Texts),
        Field("parameters", &[8], Form::Parameters),
        Field("responses", &[9, 1], Form::Named(&RESPONSE_VALUE)),
        Field("schemes", &[10], Form::Texts),
        Field("deprecated", &[11], Form::Flag),
    ],
    extensions: 13,
};

static RESPONSE_VALUE: Message = Message {
    fields: &[Field("description", &[1, 1], Form::Text), Field("schema", &[1, 2, 1], Form::One(&SCHEMA))],
    extensions: 5,
};

pub(super) static BODY: Message = Message {
    fields: &[
        Field("description", &[1], Form::Text),
        Field("name", &[2], Form::Text),
        Field("in", &[3], Form::Text),
        Field("required", &[4], Form::Flag),
        Field("schema", &[5], Form::One(&SCHEMA)),
    ],
    extensions: 6,
};

pub(super) static IN_QUERY: Message = Message {
    fields: &[
        Field("required", &[1], Form::Flag),
        Field("in", &[2], Form::Text),
        Field("description", &[3], Form::Text),
        Field("name", &[4], Form::Text),
        Field("type", &[6], Form::Text),
        Field("format", &[7], Form::Text),
        Field("uniqueItems", &[20], Form::Flag),
    ],
    extensions: 23,
};

pub(super) static IN_PATH: Message = Message {
    fields: &[
        Field("required", &[1], Form::Flag),
        Field("in", &[2], Form::Text),
        Field("description", &[3], Form::Text),
        Field("name", &[4], Form::Text),
        Field("type", &[5], Form::Text),
        Field("format", &[6], Form::Text),
        Field("uniqueItems", &[19], Form::Flag),
    ],
    extensions: 22,
};

pub(super) static FRAME: Message = Message {
    fields: &[
        Field("swagger", &[1], Form::Text),
        Field("info", &[2], Form::One(&INFO)),
        Field("security", &[12], Form::Requirements),
        Field("securityDefinitions", &[13, 1], Form::Named(&SECURITY)),
    ],
    extensions: 16,
};

static INFO: Message =
    Message { fields: &[Field("title", &[1], Form::Text), Field("version", &[2], Form::Text)], extensions: 7 };

/// `apiKeySecurity` among the kinds of security.
static SECURITY: Message = Message {
    fields: &[
        Field("type", &[2, 1], Form::Text),
        Field("name", &[2, 2], Form::Text),
        Field("in", &[2, 3], Form::Text),
        Field("description", &[2, 4], Form::Text),
    ],
    extensions: 0,
};
