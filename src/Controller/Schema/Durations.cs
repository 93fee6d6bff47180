using System.Globalization;

namespace Culvert.Controller.Schema;

/// <summary>Durations as Kubernetes writes them: <c>48h</c>, <c>1h30m</c>, <c>10s</c>, <c>250ms</c>.</summary>
internal static class Durations
{
    /// <summary>Longest text of one.</summary>
    public const int MostCharacters = 32;

    // Of the Gateway API (GEP-2257).
    private const int MostParts = 4, MostDigits = 5;

    private static readonly (string Unit, TimeSpan Length)[] Units =
        [("ms", TimeSpan.FromMilliseconds(1)), ("h", TimeSpan.FromHours(1)), ("m", TimeSpan.FromMinutes(1)), ("s", TimeSpan.FromSeconds(1))];

    /// <summary>Parses a positive duration; returns what is wrong, or null.</summary>
    public static string? Parse(string text, out TimeSpan duration) =>
        TryParse(text, int.MaxValue, mostDigits: 9, out duration) && duration > TimeSpan.Zero ? null : $"'{text}' is not a duration such as 48h, 1h30m or 10s";

    /// <summary>What durations of the Gateway API look like (<see cref="ParseOfGateway"/>).</summary>
    public const string GatewayPattern = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

    /// <summary>Parses a duration of the Gateway API, of which none is one, too; returns what is wrong, or null.</summary>
    public static string? ParseOfGateway(string text, out TimeSpan duration) =>
        TryParse(text, MostParts, MostDigits, out duration) && text.Length > 0 ? null : $"'{text}' is not a duration such as 1m30s, 10s or 250ms: at most four parts of at most five digits";

    private static bool TryParse(string text, int mostParts, int mostDigits, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        ReadOnlySpan<char> rest = text;
        for (int parts = 0; !rest.IsEmpty; parts++)
        {
            int digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits <= 0 || digits > mostDigits || parts == mostParts) return false;
            int number = int.Parse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture);
            rest = rest[digits..];
            if (!TryTakeUnit(ref rest, out TimeSpan unit)) return false;
            duration += number * unit;
        }
        return true;
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
}
