using System.Text;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Kept;

/// <summary>The fields of requests that a response varies by (RFC 9110, section 12.5.5).</summary>
internal static class VaryFields
{
    /// <summary>Most names of a response that is kept: each is compared with each field of each later request.</summary>
    internal const int MostNames = 16;

    /// <summary>The names in <c>vary</c>, in lower case, each once; where there are more than <see cref="MostNames"/>, one more than so many.</summary>
    /// <param name="head">A response's head.</param>
    internal static byte[][] NamesOf(HeaderList head)
    {
        List<byte[]> names = [];
        for (int i = 0; i < head.Count && names.Count <= MostNames; i++)
        {
            if (!head[i].Name.SequenceEqual("vary"u8)) continue;
            ReadOnlySpan<byte> list = head[i].Value;
            foreach (Range range in list.Split((byte)','))
            {
                if (names.Count > MostNames) break;
                byte[] name = [.. list[range].Trim(" \t"u8)];
                Ascii.ToLowerInPlace(name, out _);
                if (name.Length > 0 && !names.Exists(n => n.AsSpan().SequenceEqual(name))) names.Add(name);
            }
        }

        return [.. names];
    }

    /// <summary>The fields of a request with these names.</summary>
    /// <param name="request">Its head.</param>
    /// <param name="names">The names.</param>
    internal static HeaderList Of(HeaderList request, byte[][] names)
    {
        HeaderList fields = new();
        for (int i = 0; i < request.Count; i++)
        {
            foreach (byte[] name in names)
            {
                if (request[i].Name.SequenceEqual(name)) fields.Add(request[i].Name, request[i].Value);
            }
        }

        return fields;
    }
}
