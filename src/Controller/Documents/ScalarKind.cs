namespace Culvert.Controller.Documents;

/// <summary>The type of a scalar, as the document's language resolves it.</summary>
internal enum ScalarKind
{
    Null,
    String,
    Boolean,
    Number,
}
