using static Culvert.Core.ExpressionNode;

namespace Culvert.Core;

/// <summary>
/// Makes of an expression what its positions are followed by (Glushkov): each character or class, as often as it is repeated, is a position, and a text matches if there is a way from a first one to a last one along it.
/// What is true at the beginning or at the end only is asked here, where it is known whether a position comes before or behind, and never while matching.
/// </summary>
internal sealed class PositionBuilder
{
    private readonly Bits256[] _symbols;
    private readonly Bits256[] _follow;
    private int _count;

    /// <summary>Makes it.</summary>
    /// <param name="root">The expression, of at most <see cref="ExpressionParser.MaxPositions"/> positions.</param>
    internal PositionBuilder(ExpressionNode root)
    {
        _symbols = new Bits256[root.Positions];
        _follow = new Bits256[root.Positions];
        Part whole = Add(root);
        (First, Last, MatchesEmpty) = (whole.FirstOfText, whole.LastOfText, whole.Empty.HasFlag(Places.EmptyText));
    }

    /// <summary>The bytes of each position.</summary>
    internal ReadOnlySpan<Bits256> Symbols => _symbols;

    /// <summary>What comes behind each position.</summary>
    internal ReadOnlySpan<Bits256> Follow => _follow;

    /// <summary>Where a text begins.</summary>
    internal Bits256 First { get; }

    /// <summary>Where a text ends.</summary>
    internal Bits256 Last { get; }

    /// <summary>Whether the empty text matches.</summary>
    internal bool MatchesEmpty { get; }

    private Part Add(ExpressionNode node)
    {
        switch (node)
        {
            case Symbol symbol:
                _symbols[_count] = symbol.Bytes;
                Bits256 own = Bits256.None.With(_count++);
                return new(Places.Nowhere, own, own, own, own);
            case Place place:
                return new(place.Where, default, default, default, default);
            case Row row:
                return row.Parts.Select(Add).Aggregate(Join);
            case Branches branches:
                return branches.Of.Select(Add).Aggregate((a, b) => new(a.Empty | b.Empty, a.First | b.First, a.FirstOfText | b.FirstOfText, a.Last | b.Last, a.LastOfText | b.LastOfText));
            default:
                return Add((Repetition)node);
        }
    }

    // What may be missing is nested, a(a(a)?)?, so that each is followed by the next only.
    private Part Add(Repetition repetition)
    {
        Part[] parts = new Part[repetition.Most ?? Math.Max(repetition.Least, 1)];
        for (int i = 0; i < parts.Length; i++) parts[i] = Add(repetition.Body);
        Part all = parts[^1];
        if (repetition.Most is null) Connect(all.Last, all.First);
        for (int i = parts.Length - 1; ; i--)
        {
            if (i >= repetition.Least) all = all with { Empty = Places.Anywhere };
            if (i == 0) return all;
            all = Join(parts[i - 1], all);
        }
    }

    private Part Join(Part a, Part b)
    {
        Connect(a.Last, b.First);
        return new(
            a.Empty & b.Empty,
            a.Empty.HasFlag(Places.Inside) ? a.First | b.First : a.First,
            a.Empty.HasFlag(Places.Beginning) ? a.FirstOfText | b.FirstOfText : a.FirstOfText,
            b.Empty.HasFlag(Places.Inside) ? b.Last | a.Last : b.Last,
            b.Empty.HasFlag(Places.End) ? b.LastOfText | a.LastOfText : b.LastOfText);
    }

    private void Connect(Bits256 from, Bits256 to)
    {
        for (int i = from.Next(0); i >= 0; i = from.Next(i + 1)) _follow[i] |= to;
    }

    /// <summary>A part that has been added.</summary>
    /// <param name="Empty">Where it matches the empty text.</param>
    /// <param name="First">Its first positions behind another.</param>
    /// <param name="FirstOfText">Its first positions at the beginning of a text.</param>
    /// <param name="Last">Its last positions before another.</param>
    /// <param name="LastOfText">Its last positions at the end of a text.</param>
    private readonly record struct Part(Places Empty, Bits256 First, Bits256 FirstOfText, Bits256 Last, Bits256 LastOfText);
}
