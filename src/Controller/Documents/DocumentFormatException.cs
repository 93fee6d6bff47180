namespace Culvert.Controller.Documents;

/// <summary>A document, or a file of them, breaks a rule of its reader.</summary>
internal sealed class DocumentFormatException(int line, string message) : Exception(message)
{
    /// <summary>Line within it, from 1.</summary>
    public int Line { get; } = line;
}
