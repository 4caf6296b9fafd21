//! The form of any protobuf message: parts, each a number and a value whose form only its reader knows.

/// Longest whole number: 64 bits, seven a byte.
const VARINT_BYTES: usize = 10;

/// Bytes that are no message of the wanted type, and where.
#[derive(Debug, thiserror::Error)]
#[error("protobuf: byte {offset} of the body: {problem}")]
pub struct Malformed {
    /// Where in the body.
    pub offset: usize,
    /// What is wrong there.
    #[source]
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A value is cut off.
    #[error("the value ends beyond the end of the message")]
    Short,
    /// More bytes than a number can have.
    #[error("the number is longer than 64 bits")]
    LongNumber,
    /// A part whose key is no key.
    #[error("no field has the key {0}")]
    Key(u64),
    /// A field in another form than its type's.
    #[error("the field is written as {found}, not as {wanted}")]
    Form {
        /// The form that it has.
        found: &'static str,
        /// The form that it should have.
        wanted: &'static str,
    },
    /// Text that is no UTF-8.
    #[error("the text is no UTF-8")]
    Text(#[source] std::str::Utf8Error),
    /// An object that is carried as JSON text and is none.
    #[error("the object inside is no JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// A number that JSON cannot hold.
    #[error("{0} is no JSON number")]
    Number(f64),
    /// A moment that no calendar has.
    #[error("{seconds} seconds and {nanos} nanoseconds since 1970 is no time")]
    Moment {
        /// Whole seconds.
        seconds: i64,
        /// The rest.
        nanos: i32,
    },
    /// A type that is read from JSON and YAML only.
    #[error("{0} cannot be sent in protobuf: send JSON")]
    NoForm(&'static str),
    /// Messages inside messages inside messages.
    #[error("objects are nested more than {0} deep")]
    Deep(usize),
    /// More values than any object needs.
    #[error("the object has more than {0} values")]
    Many(usize),
    /// The envelope is missing.
    #[error("the body does not begin with `k8s` and a zero byte")]
    NoEnvelope,
    /// The envelope says that its content is encoded.
    #[error("content of the type \"{content_type}\" and the encoding \"{encoding}\" is not read: send it plain")]
    Content {
        /// What the content is said to be.
        content_type: String,
        /// How it is said to be encoded.
        encoding: String,
    },
}

impl Problem {
    pub(super) fn at(self, offset: usize) -> Malformed {
        Malformed { offset, problem: self }
    }
}

/// The parts of a message that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Where in the body the rest begins.
    pub(super) offset: usize,
}

/// A part of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    /// The number of the field.
    pub(super) number: u32,
    /// Where in the body the value begins.
    pub(super) offset: usize,
    pub(super) value: Raw<'a>,
}

/// A value before its type is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Reader<'a>),
}

impl<'a> Reader<'a> {
    /// The message in these bytes, which begin there in the body.
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// What is left, as it is.
    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// The next part; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Part<'a>>, Malformed> {
        if self.is_empty() {
            return Ok(None);
        }
        let at = self.offset;
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0).ok_or(Problem::Key(key).at(at))?;
        let offset = self.offset;
        let value = match key & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Problem::Short.at(offset))?;
                Raw::Bytes(self.take(length)?)
            }
            5 => Raw::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Problem::Key(key).at(at)),
        };
        Ok(Some(Part { number, offset, value }))
    }

    /// A whole number.
    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let start = self.offset;
        let mut value = 0_u64;
        for at in 0..VARINT_BYTES {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << (7 * at);
            if shifted >> (7 * at) != bits {
                break;
            }
            value |= shifted;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Problem::LongNumber.at(start))
    }

    /// The next bytes as a message of their own.
    fn take(&mut self, length: usize) -> Result<Self, Malformed> {
        let (head, rest) = self.bytes.split_at_checked(length).ok_or(Problem::Short.at(self.offset))?;
        let taken = Self::new(head, self.offset);
        *self = Self::new(rest, self.offset + length);
        Ok(taken)
    }

    /// The next bytes, exactly so many.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or(Problem::Short.at(self.offset))?;
        *self = Self::new(rest, self.offset + N);
        Ok(*head)
    }
}

impl<'a> Part<'a> {
    /// The value of a whole number or truth value.
    pub(super) fn varint(self) -> Result<u64, Malformed> {
        match self.value {
            Raw::Varint(value) => Ok(value),
            Raw::Fixed64(_) | Raw::Fixed32(_) | Raw::Bytes(_) => Err(self.is_not("a whole number")),
        }
    }

    /// The value of a text, bytes or a message.
    pub(super) fn bytes(self) -> Result<Reader<'a>, Malformed> {
        match self.value {
            Raw::Bytes(value) => Ok(value),
            Raw::Varint(_) | Raw::Fixed64(_) | Raw::Fixed32(_) => Err(self.is_not("bytes")),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, Malformed> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes.rest()).map_err(|error| Problem::Text(error).at(bytes.offset))
    }

    pub(super) fn is_not(self, wanted: &'static str) -> Malformed {
        let found = match self.value {
            Raw::Varint(_) => "a whole number",
            Raw::Fixed64(_) => "8 bytes",
            Raw::Fixed32(_) => "4 bytes",
            Raw::Bytes(_) => "bytes",
        };
        Problem::Form { found, wanted }.at(self.offset)
    }
}
