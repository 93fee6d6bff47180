namespace Culvert.Controller.Store;

/// <summary>An object in force as it is kept on disk.</summary>
/// <param name="File">The file it came from, relative to the source's folder.</param>
/// <param name="Line">The line of that file that <paramref name="Text"/> begins on, from 1.</param>
/// <param name="Text">Its document.</param>
internal sealed record LastGoodObject(string File, int Line, string Text);
