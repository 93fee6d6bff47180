namespace Culvert.Core;

/// <summary>Parameters of a query (WHATWG URL, application/x-www-form-urlencoded). Pure; allocates nothing.</summary>
public static class QueryParameters
{
    /// <summary>The next parameter.</summary>
    /// <param name="target">Path and query.</param>
    /// <param name="at">Where to look from: 0 at first; behind the parameter afterwards.</param>
    /// <param name="parameter">Where it stands, with its name.</param>
    /// <param name="value">Where its value does.</param>
    /// <returns>False when there is none.</returns>
    internal static bool TryNext(ReadOnlySpan<byte> target, ref int at, out Range parameter, out Range value)
    {
        (parameter, value) = (default, default);
        if (at == 0)
        {
            int query = target.IndexOf((byte)'?');
            if (query < 0) return false;
            at = query + 1;
        }

        if (at > target.Length) return false;
        int length = target[at..].IndexOf((byte)'&');
        if (length < 0) length = target.Length - at;
        int end = at + length, equals = target[at..end].IndexOf((byte)'=');
        parameter = at..end;
        value = (equals < 0 ? end : at + equals + 1)..end;
        at = end + 1;
        return true;
    }

    /// <summary>Whether a parameter has a name, in whatever way that is written.</summary>
    /// <param name="parameter">The parameter with its value.</param>
    /// <param name="name">The name, of ASCII.</param>
    internal static bool IsNamed(ReadOnlySpan<byte> parameter, string name)
    {
        int at = 0;
        foreach (char wanted in name)
        {
            if (at >= parameter.Length) return false;
            int read = parameter[at];
            if (read == '%' && at + 2 < parameter.Length && TryHex(parameter[at + 1], out int high) && TryHex(parameter[at + 2], out int low))
            {
                read = (high << 4) | low;
                at += 2;
            }

            if (read != wanted) return false;
            at++;
        }

        return at == parameter.Length || parameter[at] == '=';
    }

    /// <summary>Writes a target without parameters of a name.</summary>
    /// <param name="target">Path and query; there is a query.</param>
    /// <param name="name">The name.</param>
    /// <param name="room">Where to; as long as the target.</param>
    /// <returns>How many bytes it has.</returns>
    public static int WriteWithout(ReadOnlySpan<byte> target, string name, Span<byte> room)
    {
        ArgumentNullException.ThrowIfNull(name);
        int query = target.IndexOf((byte)'?');
        target[..query].CopyTo(room);
        int used = query, at = 0;
        while (TryNext(target, ref at, out Range parameter, out _))
        {
            if (IsNamed(target[parameter], name)) continue;
            room[used] = used == query ? (byte)'?' : (byte)'&';
            target[parameter].CopyTo(room[(used + 1)..]);
            used += 1 + target[parameter].Length;
        }

        return used;
    }

    private static bool TryHex(byte digit, out int value)
    {
        value = digit switch
        {
            >= (byte)'0' and <= (byte)'9' => digit - '0',
            >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
            >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
            _ => -1,
        };
        return value >= 0;
    }
}
