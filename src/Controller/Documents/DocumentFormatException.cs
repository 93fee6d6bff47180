namespace Culvert.Controller.Documents;

/// <summary>A document breaks a rule of its reader.</summary>
internal sealed class DocumentFormatException(int line, string message) : Exception(message)
{
    /// <summary>Line within the document, from 1.</summary>
    public int Line { get; } = line;
}
