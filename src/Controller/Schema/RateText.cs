using System.Globalization;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads rates: <c>100/s</c>, <c>6000/m</c>, <c>20/h</c>; of NGINX Service Mesh <c>10r/s</c>.</summary>
internal static class RateText
{
    /// <summary>A rate as a pattern, for schemas.</summary>
    public const string Pattern = "^[1-9][0-9]{0,9}/[smh]$";

    /// <summary>Reads one.</summary>
    /// <param name="text">It.</param>
    /// <param name="rate">How many requests in how many seconds.</param>
    /// <returns>What is wrong with it; null: nothing.</returns>
    public static string? Parse(string text, out (int Requests, int Seconds) rate)
    {
        rate = default;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        int seconds = text[(slash + 1)..] switch { "s" => 1, "m" => 60, "h" => 3600, _ => 0 };
        if (slash < 1 || seconds == 0 || text[0] == '0' || !int.TryParse(text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out int requests))
            return $"'{text}' is no rate; write requests in a second, minute or hour, such as 100/s, 6000/m or 20/h";
        if (requests > (long)RateLimit.MostPerSecond * seconds) return $"'{text}' is more than {RateLimit.MostPerSecond}/s, which is not counted";
        rate = (requests, seconds);
        return null;
    }

    /// <summary>Reads one as NGINX Service Mesh has it.</summary>
    /// <param name="text">It.</param>
    /// <param name="rate">How many requests in how many seconds.</param>
    /// <returns>What is wrong with it; null: nothing.</returns>
    public static string? ParseNginx(string text, out (int Requests, int Seconds) rate)
    {
        rate = default;
        return !text.EndsWith("r/s", StringComparison.Ordinal) && !text.EndsWith("r/m", StringComparison.Ordinal) || Parse(text.Remove(text.Length - 3, 1), out rate) is not null
            ? $"'{text}' is no rate; write requests in a second or minute, such as 10r/s or 600r/m"
            : null;
    }
}
