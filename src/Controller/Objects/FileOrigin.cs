namespace Culvert.Controller.Objects;

/// <summary>A document of a file.</summary>
/// <param name="File">The file, relative to the source's folder.</param>
/// <param name="At">The line that the object begins on, from 1; 0 for the whole file.</param>
internal sealed record FileOrigin(string File, int At) : ObjectOrigin
{
    public override string Place => File;

    public override int Line => At;

    /// <summary>The line of the file that <see cref="Text"/> begins on.</summary>
    public int FirstLine { get; init; } = 1;

    /// <summary>The document it was read from.</summary>
    public string Text { get; init; } = "";
}
