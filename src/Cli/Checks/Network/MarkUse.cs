using Culvert.Core;

namespace Culvert.Cli.Checks.Network;

/// <summary>Which bits of a packet's mark a rule of the packet filter looks at or sets, as far as its text tells. Pure.</summary>
internal static class MarkUse
{
    /// <summary>The bits that a rule reads or writes; 0 where it has nothing to do with marks of packets. A connection's mark (<c>ct mark</c>, <c>connmark</c>) is another one.</summary>
    /// <param name="rule">A rule of nft, or of iptables-save and its kin.</param>
    internal static uint BitsOf(FilterRule rule) => rule.Source == "nft" ? OfNft(rule.Text) : OfIptables(rule.Text);

    // «meta mark & 0x30 == 0x10», «meta mark 0x10», «meta mark set mark | 0x10», «meta mark set meta mark & 0xffffffcf | 0x10» and their words.
    private static uint OfNft(string text)
    {
        string[] words = Words(text.Replace("(", " ", StringComparison.Ordinal).Replace(")", " ", StringComparison.Ordinal).Replace("meta mark", "mark", StringComparison.Ordinal));
        uint bits = 0;
        for (int i = 0; i < words.Length; i++)
        {
            if (words[i] != "mark" || i > 0 && words[i - 1] is "ct" or "socket") continue;
            bits |= words.AsSpan(i + 1) switch
            {
                ["set", "mark", .. var change] => Changed(change),
                ["set", ..] => uint.MaxValue,
                ["&" or "and", var mask, ..] when PacketMark.TryParse(mask, out uint looked) => looked,
                ["|" or "or" or "^" or "xor", ..] => 0, // the value of a change, which is counted where it begins
                _ => uint.MaxValue,
            };
            if (words.AsSpan(i + 1) is ["set", "mark", ..]) i += 2;
        }

        return bits;
    }

    // What a mark is combined with: «and» writes the bits that its mask has not, «or» and «xor» those that their value has.
    private static uint Changed(ReadOnlySpan<string> change)
    {
        uint bits = 0;
        for (; change is [var operation, var operand, ..] && PacketMark.TryParse(operand, out uint value); change = change[2..])
        {
            switch (operation)
            {
                case "&" or "and":
                    bits |= ~value;
                    break;
                case "|" or "or" or "^" or "xor":
                    bits |= value;
                    break;
                default:
                    return bits;
            }
        }

        return bits;
    }

    // «-m mark --mark 0x10/0x30», «-j MARK --set-xmark 0x10/0x30», «-j CONNMARK --restore-mark --nfmask 0x30 --ctmask 0x30», «-j TPROXY --tproxy-mark 0x10/0x30».
    private static uint OfIptables(string text)
    {
        string[] words = Words(text);
        uint bits = 0;
        string match = "";
        for (int i = 0; i + 1 < words.Length; i++)
        {
            bits |= (words[i], match) switch
            {
                ("--mark", "mark") => ValueAndMask(words[i + 1]).Mask,
                ("--set-mark" or "--set-xmark", not "CONNMARK") or ("--tproxy-mark", _) => Set(ValueAndMask(words[i + 1])),
                ("--or-mark" or "--xor-mark", not "CONNMARK") => ValueAndMask(words[i + 1]).Value,
                ("--and-mark", not "CONNMARK") => ~ValueAndMask(words[i + 1]).Value,
                ("--nfmask" or "--mask", "CONNMARK") => ValueAndMask(words[i + 1]).Value,
                _ => 0,
            };
            if (words[i] is "-m" or "-j") match = words[i + 1];
        }

        bool movesAll = match == "CONNMARK" && words.Any(w => w is "--save-mark" or "--restore-mark") && !words.Any(w => w is "--nfmask" or "--mask");
        return movesAll ? uint.MaxValue : bits;

        static uint Set((uint Value, uint Mask) mark) => mark.Value | mark.Mask;
    }

    private static (uint Value, uint Mask) ValueAndMask(string text)
    {
        string[] parts = text.Split('/');
        bool hasValue = PacketMark.TryParse(parts[0], out uint value), hasMask = PacketMark.TryParse(parts[^1], out uint mask);
        return parts.Length == 2 && hasValue && hasMask ? (value, mask) : (value, uint.MaxValue);
    }

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
