using System.Numerics;
using System.Runtime.Intrinsics;

namespace Culvert.Core;

/// <summary>
/// Matches the whole of a text with an expression, all its positions at once, as bits. It remembers nothing: its memory is what it is made with, at most 160 bytes a position, and its time at most that of each byte of the text with each position. Immutable and thread-safe.
/// </summary>
internal abstract class ExpressionMachine
{
    private const int Word = 64;

    // What comes behind positions that are neither followed by the next only nor by themselves is looked up for so many at once: for each of their sets there is an entry.
    private const int Group = 4, Sets = 1 << Group;

    private readonly byte[] _classes = new byte[Bits256.Count];
    private readonly bool _matchesEmpty;

    private ExpressionMachine(PositionBuilder positions) => _matchesEmpty = positions.MatchesEmpty;

    /// <summary>Makes one.</summary>
    /// <param name="root">The expression, of at most <see cref="ExpressionParser.MaxPositions"/> positions.</param>
    internal static ExpressionMachine Of(ExpressionNode root)
    {
        PositionBuilder positions = new(root);
        return root.Positions <= Word ? new Narrow(positions) : new Wide(positions);
    }

    /// <summary>Whether the whole of a text matches. Allocates nothing.</summary>
    internal bool IsMatch(ReadOnlySpan<byte> text) => text.IsEmpty ? _matchesEmpty : Matches(text);

    private protected abstract bool Matches(ReadOnlySpan<byte> text);

    // Bytes that are of the same positions are of one class. Returned are the positions of each.
    private Bits256[] Classify(PositionBuilder positions)
    {
        List<Bits256> accepts = [];
        Dictionary<Bits256, int> known = [];
        for (int b = 0; b < Bits256.Count; b++)
        {
            Bits256 of = Bits256.None;
            for (int i = 0; i < positions.Symbols.Length; i++)
            {
                if (positions.Symbols[i].Has(b)) of = of.With(i);
            }

            if (known.TryAdd(of, accepts.Count)) accepts.Add(of);
            _classes[b] = (byte)known[of];
        }

        return [.. accepts];
    }

    // Most positions are followed by the next one or by themselves, which is a shift for all of them; the others have their own sets.
    private static (Bits256 Next, Bits256 Itself, Bits256 Others, Bits256 Final) Sort(PositionBuilder positions)
    {
        Bits256 next = default, itself = default, others = default, final = default;
        for (int i = 0; i < positions.Follow.Length; i++)
        {
            Bits256 follow = positions.Follow[i], own = Bits256.None.With(i), behind = i % Word == Word - 1 ? default : Bits256.None.With(i + 1);
            if (follow.Has(i)) itself |= own;
            if (!behind.IsEmpty && !(follow & behind).IsEmpty) next |= own;
            if (!(follow & ~(own | behind)).IsEmpty) others |= own;

            // From here on everything matches.
            if (follow.Has(i) && positions.Symbols[i] == Bits256.All && positions.Last.Has(i)) final |= own;
        }

        return (next, itself, others, final);
    }

    // By group and set, up to the last group that has some.
    private static Bits256[] Behind(PositionBuilder positions, Bits256 others)
    {
        List<Bits256> behind = [];
        for (int last = -1; (last = others.Next(last + 1)) >= 0;)
        {
            int first = last / Group * Group;
            if (behind.Count > first * Sets / Group) continue;
            while (behind.Count < first * Sets / Group) behind.Add(Bits256.None);
            for (int set = 0; set < Sets; set++)
            {
                Bits256 all = Bits256.None;
                for (int i = 0; i < Group; i++)
                {
                    if ((set >> i & 1) != 0 && others.Has(first + i)) all |= positions.Follow[first + i];
                }

                behind.Add(all);
            }
        }

        return [.. behind];
    }

    /// <summary>Of at most 64 positions, as most are.</summary>
    private sealed class Narrow : ExpressionMachine
    {
        private readonly ulong _first, _last, _next, _itself, _others, _final;
        private readonly ulong[] _accepts, _behind;

        internal Narrow(PositionBuilder positions)
            : base(positions)
        {
            _accepts = [.. Classify(positions).Select(Low)];
            (_first, _last) = (Low(positions.First), Low(positions.Last));
            (Bits256 next, Bits256 itself, Bits256 others, Bits256 final) = Sort(positions);
            (_next, _itself, _others, _final) = (Low(next), Low(itself), Low(others), Low(final));
            _behind = [.. Behind(positions, others).Select(Low)];
        }

        private protected override bool Matches(ReadOnlySpan<byte> text)
        {
            ReadOnlySpan<byte> classes = _classes;
            ReadOnlySpan<ulong> accepts = _accepts, behind = _behind;
            ulong next = _next, itself = _itself, others = _others, final = _final, reached = _first;
            ulong at = 0;
            foreach (byte b in text)
            {
                at = reached & accepts[classes[b]];
                if (at == 0) return false;
                if ((at & final) != 0) return true;
                reached = ((at & next) << 1) | (at & itself);
                for (ulong rest = at & others; rest != 0;)
                {
                    int first = BitOperations.TrailingZeroCount(rest) & -Group;
                    reached |= behind[(first * (Sets / Group)) + (int)(rest >> first & (Sets - 1))];
                    rest &= ~((Sets - 1UL) << first);
                }
            }

            return (at & _last) != 0;
        }

        private static ulong Low(Bits256 bits) => bits.Words.GetElement(0);
    }

    /// <summary>Of more, up to 256.</summary>
    private sealed class Wide : ExpressionMachine
    {
        private readonly Bits256 _first, _last, _next, _itself, _others, _final;
        private readonly Bits256[] _accepts, _behind;

        internal Wide(PositionBuilder positions)
            : base(positions)
        {
            _accepts = Classify(positions);
            (_first, _last) = (positions.First, positions.Last);
            (_next, _itself, _others, _final) = Sort(positions);
            _behind = Behind(positions, _others);
        }

        private protected override bool Matches(ReadOnlySpan<byte> text)
        {
            ReadOnlySpan<byte> classes = _classes;
            ReadOnlySpan<Bits256> accepts = _accepts;
            Vector256<ulong> next = _next.Words, itself = _itself.Words, others = _others.Words, final = _final.Words, reached = _first.Words;
            Vector256<ulong> at = default;
            foreach (byte b in text)
            {
                at = reached & accepts[classes[b]].Words;
                if (at == Vector256<ulong>.Zero) return false;
                if ((at & final) != Vector256<ulong>.Zero) return true;
                reached = ((at & next) << 1) | (at & itself);
                Vector256<ulong> rest = at & others;
                if (rest != Vector256<ulong>.Zero) reached |= Behind(rest.GetElement(0), 0) | Behind(rest.GetElement(1), 1) | Behind(rest.GetElement(2), 2) | Behind(rest.GetElement(3), 3);
            }

            return (at & _last.Words) != Vector256<ulong>.Zero;
        }

        private Vector256<ulong> Behind(ulong rest, int word)
        {
            Vector256<ulong> all = Vector256<ulong>.Zero;
            if (rest == 0) return all;
            ReadOnlySpan<Bits256> behind = _behind.AsSpan(word * Word * (Sets / Group));
            if (BitOperations.PopCount(rest) > Word / Group)
            {
                // Most groups have some: one after the other, none waits for the one before.
                for (; rest != 0; behind = behind[Sets..], rest >>= Group) all |= behind[(int)(rest & (Sets - 1))].Words;
                return all;
            }

            while (rest != 0)
            {
                int first = BitOperations.TrailingZeroCount(rest) & -Group;
                all |= behind[(first * (Sets / Group)) + (int)(rest >> first & (Sets - 1))].Words;
                rest &= ~((Sets - 1UL) << first);
            }

            return all;
        }
    }
}
