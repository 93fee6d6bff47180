namespace Culvert.Controller.Objects;

/// <summary>A document of a file.</summary>
/// <param name="File">The file, relative to the source's folder.</param>
/// <param name="At">The line that the object begins on, from 1; 0 for the whole file.</param>
/// <param name="Document">The document it was read from; empty for the whole file.</param>
/// <param name="DocumentLine">The line of the file that the document begins on, from 1.</param>
internal sealed record FileOrigin(string File, int At, string Document = "", int DocumentLine = 1) : ObjectOrigin
{
    public override string Place => File;

    public override int Line => At;

    public override string Text => Document;

    public override int FirstLine => DocumentLine;
}
