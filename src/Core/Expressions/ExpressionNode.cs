namespace Culvert.Core;

/// <summary>A part of an expression, as it is read. What has no positions is put together at once, so that the tree of a small expression is small, however often it repeats. Immutable.</summary>
internal abstract class ExpressionNode
{
    private ExpressionNode(int positions) => Positions = positions;

    /// <summary>What matches the empty text anywhere.</summary>
    internal static ExpressionNode Empty { get; } = new Place(Places.Anywhere);

    /// <summary>How many characters it has to be compared with: one for each character and class, as often as it is repeated.</summary>
    internal int Positions { get; }

    /// <summary>One after the other.</summary>
    internal static ExpressionNode Sequence(IEnumerable<ExpressionNode> parts)
    {
        List<ExpressionNode> kept = [];
        foreach (ExpressionNode part in parts.SelectMany(p => p is Row row ? row.Parts : [p]))
        {
            if (part is Place { Where: Places.Anywhere }) continue;
            if (part is Place place && kept is [.., Place before]) kept[^1] = new Place(before.Where & place.Where);
            else kept.Add(part);
        }

        return kept switch { [] => Empty, [var only] => only, _ => new Row([.. kept]) };
    }

    /// <summary>One of several.</summary>
    internal static ExpressionNode Choice(IReadOnlyList<ExpressionNode> branches)
    {
        if (branches is [var one]) return one;
        Places places = Places.Nowhere;
        Bits256 bytes = Bits256.None;
        List<ExpressionNode> kept = [];
        foreach (ExpressionNode branch in branches.SelectMany(b => b is Branches inner ? inner.Of : [b]))
        {
            if (branch is Place place) places |= place.Where;
            else if (branch is Symbol symbol) bytes |= symbol.Bytes;
            else kept.Add(branch);
        }

        if (!bytes.IsEmpty) kept.Add(new Symbol(bytes));
        if (places != Places.Nowhere || kept.Count == 0) kept.Add(new Place(places));
        return kept is [var only] ? only : new Branches([.. kept]);
    }

    /// <summary>One several times.</summary>
    /// <param name="body">What is repeated.</param>
    /// <param name="least">How often at least.</param>
    /// <param name="most">How often at most; null: as often as it comes.</param>
    internal static ExpressionNode Repeat(ExpressionNode body, int least, int? most)
    {
        if (most == 0 || (least == 0 && body.Positions == 0)) return Empty;
        if (body.Positions == 0 || (least, most) == (1, 1)) return body;

        // (a+)? and its like, of which a deep nest would be visited once for each.
        bool isPlain = least <= 1 && most is null or 1;
        if (isPlain && body is Repetition { Least: <= 1, Most: null or 1 } inner) return new Repetition(inner.Body, least * inner.Least, (most, inner.Most) == (1, 1) ? 1 : null);
        return new Repetition(body, least, most);
    }

    /// <summary>Where what has no characters is true.</summary>
    [Flags]
    internal enum Places
    {
        /// <summary>Nowhere.</summary>
        Nowhere = 0,

        /// <summary>Neither at the beginning nor at the end of a text.</summary>
        Inside = 1,

        /// <summary>At the beginning of a text that has some characters.</summary>
        Beginning = 2,

        /// <summary>At the end of such a text.</summary>
        End = 4,

        /// <summary>In the empty text, whose beginning is its end.</summary>
        EmptyText = 8,

        /// <summary>Everywhere.</summary>
        Anywhere = Inside | Beginning | End | EmptyText,
    }

    /// <summary>One byte of a set.</summary>
    internal sealed class Symbol(Bits256 bytes) : ExpressionNode(1)
    {
        internal Bits256 Bytes => bytes;
    }

    /// <summary>What has no characters.</summary>
    internal sealed class Place(Places where) : ExpressionNode(0)
    {
        internal Places Where => where;
    }

    /// <summary>One after the other; at least two.</summary>
    internal sealed class Row(ExpressionNode[] parts) : ExpressionNode(parts.Sum(p => p.Positions))
    {
        internal ExpressionNode[] Parts => parts;
    }

    /// <summary>One of several; at least two.</summary>
    internal sealed class Branches(ExpressionNode[] of) : ExpressionNode(of.Sum(b => b.Positions))
    {
        internal ExpressionNode[] Of => of;
    }

    /// <summary>One several times; it has positions.</summary>
    internal sealed class Repetition(ExpressionNode body, int least, int? most) : ExpressionNode(body.Positions * (most ?? Math.Max(least, 1)))
    {
        internal ExpressionNode Body => body;

        internal int Least => least;

        internal int? Most => most;
    }
}
