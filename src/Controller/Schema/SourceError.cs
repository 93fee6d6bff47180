namespace Culvert.Controller;

/// <summary>Something wrong in a source of objects, or a warning about one that is in force. The objects it does not name are not affected.</summary>
/// <param name="File">The file, relative to the source's folder.</param>
/// <param name="Line">The line, from 1; 0 when it is about the whole file.</param>
/// <param name="Object">The object as <c>Kind namespace/name</c>, or empty when it could not be made out.</param>
/// <param name="Field">The field as a path such as <c>spec.rules[0].to[1].ports[0]</c>, or empty.</param>
/// <param name="Reason">What is wrong and, where possible, what would be right.</param>
public sealed record SourceError(string File, int Line, string Object, string Field, string Reason)
{
    /// <summary>One line for people: <c>file:line: object: field: reason</c>.</summary>
    public override string ToString()
    {
        string text = Line > 0 ? $"{File}:{Line}" : File;
        if (Object.Length > 0) text += $": {Object}";
        if (Field.Length > 0) text += $": {Field}";
        return $"{text}: {Reason}";
    }
}
