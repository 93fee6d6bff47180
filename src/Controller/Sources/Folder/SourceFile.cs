namespace Culvert.Controller.Sources.Folder;

/// <summary>A file of a source as it was read.</summary>
/// <param name="Name">Path relative to the source's folder, with <c>/</c>.</param>
/// <param name="Text">Its text, or null when it could not be read.</param>
/// <param name="Error">Why it could not be read, or null.</param>
internal sealed record SourceFile(string Name, string? Text, string? Error = null);
