using System.Buffers;
using System.Text;

namespace Culvert.Grpc;

/// <summary>The encoding of <c>grpc-message</c>: UTF-8, with everything but printable ASCII, and <c>%</c>, as <c>%XX</c>.</summary>
internal static class PercentEncoding
{
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        " !\"#$&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    internal static string Encode(string text)
    {
        if (text.AsSpan().IndexOfAnyExcept(Plain) < 0)
        {
            return text;
        }

        StringBuilder result = new(text.Length + 16);
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (Plain.Contains((char)b))
            {
                result.Append((char)b);
            }
            else
            {
                result.Append('%').Append(HexDigit(b >> 4)).Append(HexDigit(b & 15));
            }
        }

        return result.ToString();
    }

    /// <summary>Decodes; what is not a valid escape stays as it is, as the specification asks.</summary>
    internal static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        byte[] input = Encoding.UTF8.GetBytes(text);
        int length = 0;
        for (int i = 0; i < input.Length; i++)
        {
            if (input[i] == '%' && i + 2 < input.Length && HexValue(input[i + 1]) is int high and >= 0 && HexValue(input[i + 2]) is int low and >= 0)
            {
                input[length++] = (byte)((high << 4) | low);
                i += 2;
            }
            else
            {
                input[length++] = input[i];
            }
        }

        return Encoding.UTF8.GetString(input, 0, length);
    }

    private static char HexDigit(int value) => "0123456789ABCDEF"[value];

    private static int HexValue(byte c) => c switch
    {
        >= (byte)'0' and <= (byte)'9' => c - '0',
        >= (byte)'a' and <= (byte)'f' => c - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => c - 'A' + 10,
        _ => -1,
    };
}
