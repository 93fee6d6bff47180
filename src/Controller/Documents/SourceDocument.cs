namespace Culvert.Controller.Documents;

/// <summary>One document of a source: its value, or why it could not be read.</summary>
/// <param name="Line">First line of the document's content, from 1.</param>
/// <param name="Value">The value, or null when it could not be read.</param>
/// <param name="Error">Why it could not be read, or null.</param>
/// <param name="ErrorLine">The line the error was found on.</param>
internal sealed record SourceDocument(int Line, DocumentNode? Value, string? Error = null, int ErrorLine = 0)
{
    /// <summary>The line of the file that <see cref="Text"/> begins on, from 1.</summary>
    public int FirstLine { get; init; } = 1;

    /// <summary>The text it was read from.</summary>
    public string Text { get; init; } = "";
}
