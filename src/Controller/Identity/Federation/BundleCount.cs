using System.Globalization;

namespace Culvert.Controller.Identity.Federation;

/// <summary>How often the mesh's roots have changed, as other trust domains are told: the Unix time of the last change, or one more than before. Immutable.</summary>
/// <param name="Number">The number; 0: nothing is known.</param>
/// <param name="Digest">Digest of the roots that have it.</param>
internal sealed record BundleCount(ulong Number, string Digest)
{
    /// <summary>Of nothing.</summary>
    public static BundleCount None { get; } = new(0, "");

    /// <summary>Reads what <see cref="ToString"/> has written.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static BundleCount Parse(string text) =>
        text.Split(' ') is [var number, var digest] && ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out ulong parsed) && parsed < ulong.MaxValue
            ? new BundleCount(parsed, digest)
            : throw new InvalidDataException("it is no sequence");

    /// <summary>The next one.</summary>
    public BundleCount Next(string digest, DateTimeOffset now) => new(Math.Max(Number + 1, (ulong)Math.Max(0, now.ToUnixTimeSeconds())), digest);

    /// <summary>A text for <see cref="Parse"/>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number} {Digest}");
}
