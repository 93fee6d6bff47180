using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>Collects the errors of one object.</summary>
internal sealed class ErrorSink(ObjectOrigin origin)
{
    // Both quote what was written, which may be as long as the file.
    private const int LongestText = 1000;

    private readonly List<(int Line, string Field, string Reason)> _errors = [];
    private readonly List<(int Line, string Field, string Reason)> _notes = [];
    private int _more;

    /// <summary>The object the errors are about, as far as it is known.</summary>
    public string Object { get; set; } = "";

    /// <summary>Whether fields that nobody asked for are no errors (<see cref="ObjectReader.Read(ObjectOrigin, Documents.SourceDocument, bool)"/>).</summary>
    public bool IsLenient { get; init; }

    public bool HasErrors => _errors.Count > 0;

    /// <summary>How many there are.</summary>
    public int Count => _errors.Count + _more;

    /// <summary>The first <see cref="SourceError.MostOfAPlace"/>, and then one that says how many more there are.</summary>
    public IEnumerable<SourceError> Errors => (_more == 0 ? _errors : _errors.Append((_errors[^1].Line, Field: "", Reason: $"{_more} more errors of this object, which are not listed")))
        .Select(e => new SourceError(origin.Place, e.Line, Object, e.Field, e.Reason));

    /// <summary>Adds one. The lines of an API object's text are nobody's.</summary>
    public void Add(int line, string field, string reason)
    {
        if (_errors.Count < SourceError.MostOfAPlace - 1) _errors.Add((origin is FileOrigin ? line : 0, Short(field), Short(reason)));
        else _more++;
    }

    /// <summary>Adds one, unless something is told of the field or of what is in it already.</summary>
    public void AddUnlessToldAt(int line, string field, string reason)
    {
        if (!_errors.Any(e => e.Field.StartsWith(Short(field), StringComparison.Ordinal))) Add(line, field, reason);
    }

    /// <summary>What is not supported, or does not count, in an object that is in force all the same.</summary>
    public IEnumerable<SourceError> Notes => _notes.Select(n => new SourceError(origin.Place, n.Line, Object, n.Field, n.Reason));

    /// <summary>Adds to <see cref="Notes"/>.</summary>
    public void Note(int line, string field, string reason)
    {
        if (_notes.Count < SourceError.MostOfAPlace) _notes.Add((origin is FileOrigin ? line : 0, Short(field), Short(reason)));
    }

    private static string Short(string text) => text.Length <= LongestText ? text : text[..LongestText] + "…";
}
