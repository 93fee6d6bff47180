using System.Globalization;

namespace Culvert.Controller.Schema;

/// <summary>Durations as Kubernetes writes them: <c>48h</c>, <c>1h30m</c>, <c>10s</c>, <c>250ms</c>.</summary>
internal static class Durations
{
    /// <summary>Longest text of one.</summary>
    public const int MostCharacters = 32;

    private static readonly (string Unit, TimeSpan Length)[] Units =
        [("ms", TimeSpan.FromMilliseconds(1)), ("h", TimeSpan.FromHours(1)), ("m", TimeSpan.FromMinutes(1)), ("s", TimeSpan.FromSeconds(1))];

    /// <summary>Parses a positive duration; returns what is wrong, or null.</summary>
    public static string? Parse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits is <= 0 or > 9) return Invalid(text);
            int number = int.Parse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture);
            rest = rest[digits..];
            if (!TryTakeUnit(ref rest, out TimeSpan unit)) return Invalid(text);
            duration += number * unit;
        }
        return duration > TimeSpan.Zero ? null : Invalid(text);
    }

    private static bool TryTakeUnit(ref ReadOnlySpan<char> rest, out TimeSpan length)
    {
        foreach ((string unit, TimeSpan unitLength) in Units)
        {
            if (!rest.StartsWith(unit, StringComparison.Ordinal)) continue;
            rest = rest[unit.Length..];
            length = unitLength;
            return true;
        }
        length = default;
        return false;
    }

    private static string Invalid(string text) => $"'{text}' is not a duration such as 48h, 1h30m or 10s";
}
