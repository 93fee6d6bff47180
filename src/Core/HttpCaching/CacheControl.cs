using System.Text;

namespace Culvert.Core;

/// <summary>
/// The directives of <c>cache-control</c> (RFC 9111, section 5.2), of all its fields together. Where they contradict each other, or one is there twice or is no number, the strictest reading counts: what is kept too short costs a
/// request, what is kept too long is wrong.
/// </summary>
public struct CacheControl
{
    /// <summary>The longest time in seconds that is told apart from longer ones: 68 years (RFC 9111, section 1.2.2).</summary>
    public const long MostSeconds = int.MaxValue;

    private bool _isBroken;

    /// <summary>Whether there is such a field at all.</summary>
    public bool IsThere { get; private set; }

    /// <summary><c>no-store</c>; also where the field can't be read.</summary>
    public bool NoStore { readonly get => field || _isBroken; private set; }

    /// <summary><c>no-cache</c>, also for some fields only.</summary>
    public bool NoCache { get; private set; }

    /// <summary><c>private</c>, also for some fields only.</summary>
    public bool IsPrivate { get; private set; }

    /// <summary><c>public</c>.</summary>
    public bool IsPublic { get; private set; }

    /// <summary><c>must-revalidate</c>.</summary>
    public bool MustRevalidate { get; private set; }

    /// <summary><c>proxy-revalidate</c>.</summary>
    public bool ProxyRevalidate { get; private set; }

    /// <summary><c>only-if-cached</c>.</summary>
    public bool OnlyIfCached { get; private set; }

    /// <summary><c>max-age</c> in seconds.</summary>
    public long? MaxAge { get; private set; }

    /// <summary><c>s-maxage</c> in seconds.</summary>
    public long? SharedMaxAge { get; private set; }

    /// <summary><c>min-fresh</c> in seconds.</summary>
    public long? MinFresh { get; private set; }

    /// <summary><c>max-stale</c> in seconds, <see cref="MostSeconds"/> where it has no number.</summary>
    public long? MaxStale { get; private set; }

    /// <summary>Reads a field's value.</summary>
    /// <param name="value">The value.</param>
    public void Add(ReadOnlySpan<byte> value)
    {
        IsThere = true;
        while (!value.IsEmpty)
        {
            int end = EndOf(value, out bool isClosed);
            _isBroken |= !isClosed;
            Take(value[..end].Trim(" \t"u8));
            value = end < value.Length ? value[(end + 1)..] : default;
        }
    }

    // Where the directive ends that a list begins with: at a comma that is in no quoted string.
    private static int EndOf(ReadOnlySpan<byte> list, out bool isClosed)
    {
        bool isQuoted = false;
        for (int i = 0; i < list.Length; i++)
        {
            if (list[i] == '"') isQuoted = !isQuoted;
            else if (list[i] == '\\' && isQuoted) i++;
            else if (list[i] == ',' && !isQuoted)
            {
                isClosed = true;
                return i;
            }
        }

        isClosed = !isQuoted;
        return list.Length;
    }

    private void Take(ReadOnlySpan<byte> directive)
    {
        int equals = directive.IndexOf((byte)'=');
        ReadOnlySpan<byte> name = (equals < 0 ? directive : directive[..equals]).Trim(" \t"u8);
        ReadOnlySpan<byte> argument = equals < 0 ? default : Unquoted(directive[(equals + 1)..].Trim(" \t"u8));
        if (Is(name, "no-store"u8)) NoStore = true;
        else if (Is(name, "no-cache"u8)) NoCache = true;
        else if (Is(name, "private"u8)) IsPrivate = true;
        else if (Is(name, "public"u8)) IsPublic = true;
        else if (Is(name, "must-revalidate"u8)) MustRevalidate = true;
        else if (Is(name, "proxy-revalidate"u8)) ProxyRevalidate = true;
        else if (Is(name, "only-if-cached"u8)) OnlyIfCached = true;
        else if (Is(name, "max-age"u8)) MaxAge = Math.Min(MaxAge ?? MostSeconds, SecondsOf(argument) ?? 0);
        else if (Is(name, "s-maxage"u8)) SharedMaxAge = Math.Min(SharedMaxAge ?? MostSeconds, SecondsOf(argument) ?? 0);
        else if (Is(name, "min-fresh"u8)) MinFresh = Math.Max(MinFresh ?? 0, SecondsOf(argument) ?? MostSeconds);
        else if (Is(name, "max-stale"u8)) MaxStale = Math.Min(MaxStale ?? MostSeconds, equals < 0 ? MostSeconds : SecondsOf(argument) ?? 0);
    }

    /// <summary>A number of seconds as HTTP writes it (RFC 9111, section 1.2.2), <see cref="MostSeconds"/> at most; null: it is none.</summary>
    public static long? SecondsOf(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return null;
        long seconds = 0;
        foreach (byte digit in text) seconds = Math.Min((seconds * 10) + digit - '0', MostSeconds);
        return seconds;
    }

    private static ReadOnlySpan<byte> Unquoted(ReadOnlySpan<byte> argument) => argument.Length >= 2 && argument[0] == '"' && argument[^1] == '"' ? argument[1..^1] : argument;

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> directive) => Ascii.EqualsIgnoreCase(name, directive);
}
