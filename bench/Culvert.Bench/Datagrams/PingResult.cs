using System.Globalization;

namespace Culvert.Bench.Datagrams;

/// <summary>Round trips of one datagram at a time.</summary>
/// <param name="Answered">Datagrams that came back.</param>
/// <param name="Lost">Datagrams that did not come back in time.</param>
/// <param name="P50Microseconds">Median time.</param>
/// <param name="BusySeconds">CPU time of the whole machine meanwhile.</param>
internal sealed record PingResult(long Answered, long Lost, double P50Microseconds, double BusySeconds)
{
    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static PingResult Parse(string text)
    {
        string[] fields = text.Split(' ', StringSplitOptions.TrimEntries);
        if (fields.Length != 4) throw new FormatException($"Not the result of a ping: {text}");
        return new PingResult(
            long.Parse(fields[0], CultureInfo.InvariantCulture), long.Parse(fields[1], CultureInfo.InvariantCulture),
            double.Parse(fields[2], CultureInfo.InvariantCulture), double.Parse(fields[3], CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Answered} {Lost} {P50Microseconds:F2} {BusySeconds:F2}");
}
