using System.Globalization;

namespace Culvert.Grpc;

/// <summary>The <c>grpc-timeout</c> header: at most eight digits and a unit.</summary>
internal static class TimeoutEncoding
{
    private const long MaxValue = 99_999_999;

    /// <summary>Encodes a duration in the finest unit that fits, rounded up; zero and less become one nanosecond.</summary>
    internal static string Encode(TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero)
        {
            return "1n";
        }

        ReadOnlySpan<(long Ticks, char Unit)> units =
        [
            (TimeSpan.TicksPerMicrosecond, 'u'),
            (TimeSpan.TicksPerMillisecond, 'm'),
            (TimeSpan.TicksPerSecond, 'S'),
            (TimeSpan.TicksPerMinute, 'M'),
            (TimeSpan.TicksPerHour, 'H'),
        ];
        foreach ((long ticks, char unit) in units)
        {
            long value = (timeout.Ticks / ticks) + (timeout.Ticks % ticks == 0 ? 0 : 1);
            if (value <= MaxValue)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{value}{unit}");
            }
        }

        return "99999999H";
    }

    /// <summary>Decodes the header.</summary>
    /// <returns>False when it is not valid.</returns>
    internal static bool TryDecode(string text, out TimeSpan timeout)
    {
        timeout = TimeSpan.Zero;
        if (text.Length is < 2 or > 9
            || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out long value))
        {
            return false;
        }

        long ticks = text[^1] switch
        {
            'H' => TimeSpan.TicksPerHour,
            'M' => TimeSpan.TicksPerMinute,
            'S' => TimeSpan.TicksPerSecond,
            'm' => TimeSpan.TicksPerMillisecond,
            'u' => TimeSpan.TicksPerMicrosecond,
            'n' => 0,
            _ => -1,
        };
        if (ticks < 0)
        {
            return false;
        }

        timeout = ticks == 0
            ? TimeSpan.FromTicks((value + TimeSpan.NanosecondsPerTick - 1) / TimeSpan.NanosecondsPerTick)
            : value > TimeSpan.MaxValue.Ticks / ticks ? TimeSpan.MaxValue : TimeSpan.FromTicks(value * ticks);
        return true;
    }
}
