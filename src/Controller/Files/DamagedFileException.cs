namespace Culvert.Controller.Files;

/// <summary>A file is not what was written; the message says why.</summary>
internal sealed class DamagedFileException(string message, Exception inner) : Exception(message, inner);
