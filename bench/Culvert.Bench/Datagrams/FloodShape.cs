using System.Globalization;

namespace Culvert.Bench.Datagrams;

/// <summary>How datagrams are offered.</summary>
/// <param name="Flows">Ports they are sent from, in turn.</param>
/// <param name="Size">Bytes of payload.</param>
/// <param name="Burst">Datagrams sent from a port at a time, by one call.</param>
/// <param name="Rate">Datagrams per second; 0 for as many as the sender can.</param>
internal sealed record FloodShape(int Flows, int Size, int Burst, int Rate)
{
    private static readonly int[] Most = [10_000, 1_400, 64, 10_000_000];

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="ArgumentException">It is something else, or a number is out of range.</exception>
    public static FloodShape Parse(string text)
    {
        int[] numbers = [.. text.Split('x').Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1)];
        if (numbers.Length != Most.Length || numbers[..3].Any(n => n < 1) || numbers[3] < 0 || numbers.Zip(Most).Any(n => n.First > n.Second))
        {
            throw new ArgumentException(
                $"\"{text}\" is not PORTSxBYTESxBURSTxRATE with ports from 1 to {Most[0]}, bytes to {Most[1]}, a burst to {Most[2]} and a rate from 0 (no limit) to {Most[3]}.", nameof(text));
        }
        return new FloodShape(numbers[0], numbers[1], numbers[2], numbers[3]);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Flows}x{Size}x{Burst}x{Rate}");
}
