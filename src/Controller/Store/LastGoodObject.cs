namespace Culvert.Controller.Store;

/// <summary>An object in force as it is kept on disk.</summary>
/// <param name="File">The place it came from: a file, relative to the source's folder, or an object of an API server.</param>
/// <param name="Line">The line of that file that <paramref name="Text"/> begins on, from 1; 0 where there are none.</param>
/// <param name="Text">Its document.</param>
internal sealed record LastGoodObject(string File, int Line, string Text);
