using System.Collections.Immutable;

namespace Culvert.Controller.Schema;

/// <summary>Something wrong in a source of objects, or a warning about one that is in force. The objects it does not name are not affected.</summary>
/// <param name="Place">Where it is: a file, relative to the source's folder, or the path of an object at an API; the source itself when it can't be read.</param>
/// <param name="Line">The line, from 1; 0 when it is about the whole place, or the place has no lines.</param>
/// <param name="Object">The object as <c>Kind namespace/name</c>, or empty when it could not be made out.</param>
/// <param name="Field">The field as a path such as <c>spec.rules[0].to[1].ports[0]</c>, or empty.</param>
/// <param name="Reason">What is wrong and, where possible, what would be right.</param>
public sealed record SourceError(string Place, int Line, string Object, string Field, string Reason)
{
    /// <summary>Most that are told of one place: whoever mends reads the first, and a file of nonsense must not fill the log.</summary>
    public const int MostOfAPlace = 100;

    /// <summary>Whether it is about a declaration in whose place another one of the same object counts.</summary>
    public bool IsOfSecond { get; init; }

    /// <summary>Whether it is about what is in force no more, and nothing in its place.</summary>
    public bool IsOfGone { get; init; }

    /// <summary>What is wrong with the object that the field names.</summary>
    public ReferenceFault Fault { get; init; }

    private const string MoreThanListed = "more, which are not listed";

    // The path of a folder can have 4095 characters, and is the same text in many lines.
    private const int LongestPlace = 240;

    /// <summary>Each once, in order of place and line; of each place the first <see cref="MostOfAPlace"/>, and then one that says how many more there are.</summary>
    internal static ImmutableArray<SourceError> InOrder(IEnumerable<SourceError> errors)
    {
        ImmutableArray<SourceError>.Builder told = ImmutableArray.CreateBuilder<SourceError>();
        string place = "";
        int ofPlace = 0;
        foreach (SourceError error in errors.OrderBy(e => e.Place, StringComparer.Ordinal).ThenBy(e => e.Line).Distinct())
        {
            if (error.Place != place)
            {
                TellRest();
                (place, ofPlace) = (error.Place, 0);
            }
            if (++ofPlace <= MostOfAPlace) told.Add(error);
        }
        TellRest();
        return told.ToImmutable();

        void TellRest()
        {
            if (ofPlace > MostOfAPlace) told.Add(new(place, 0, "", "", $"{ofPlace - MostOfAPlace} {MoreThanListed}"));
        }
    }

    /// <summary>Those of <paramref name="gone"/> that were mended. What can't be read now may be as wrong as before: what a place told while it could be read is neither there nor mended.</summary>
    /// <param name="gone">Errors that are there no more.</param>
    /// <param name="now">All that are there.</param>
    internal static IEnumerable<SourceError> Mended(IReadOnlyCollection<SourceError> gone, IEnumerable<SourceError> now)
    {
        if (gone.Count == 0) return [];
        string[] unread = [.. now.Where(e => e.Object.Length == 0 && e.Field.Length == 0 && !e.IsRest).Select(e => e.Place).Distinct(StringComparer.Ordinal)];
        return gone.Where(e => !e.IsRest && !unread.Any(p => e.Place == p || Path.IsPathRooted(p) || e.Place.StartsWith(p.TrimEnd('/') + '/', StringComparison.Ordinal)));
    }

    private bool IsRest => Reason.EndsWith(MoreThanListed, StringComparison.Ordinal);

    /// <summary>One line for people: <c>place:line: object: field: reason</c>.</summary>
    public override string ToString()
    {
        string place = Place.Length <= LongestPlace ? Place : $"{Place[..(LongestPlace / 2)]}…{Place[^(LongestPlace / 2)..]}";
        string text = Line > 0 ? $"{place}:{Line}" : place;
        if (Object.Length > 0) text += $": {Object}";
        if (Field.Length > 0) text += $": {Field}";
        return $"{text}: {Reason}";
    }
}
