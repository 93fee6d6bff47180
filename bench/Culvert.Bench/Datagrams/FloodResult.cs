using System.Globalization;

namespace Culvert.Bench.Datagrams;

/// <summary>What a flood gave, after its start: the same moments for everything in it.</summary>
/// <param name="Seconds">How long was measured.</param>
/// <param name="Sent">Datagrams the sender's kernel took.</param>
/// <param name="Received">Datagrams the application received.</param>
/// <param name="BusySeconds">CPU time of the whole machine.</param>
internal sealed record FloodResult(double Seconds, long Sent, long Received, double BusySeconds)
{
    public double ReceivedPerSecond => Received / Seconds;

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static FloodResult Parse(string text)
    {
        string[] fields = text.Split(' ', StringSplitOptions.TrimEntries);
        if (fields.Length != 4) throw new FormatException($"Not the result of a flood: {text}");
        return new FloodResult(
            double.Parse(fields[0], CultureInfo.InvariantCulture), long.Parse(fields[1], CultureInfo.InvariantCulture),
            long.Parse(fields[2], CultureInfo.InvariantCulture), double.Parse(fields[3], CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Seconds:F6} {Sent} {Received} {BusySeconds:F2}");
}
