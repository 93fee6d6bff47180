using System.Security.Cryptography;
using System.Text;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>Values of labels: how they are compared, and how long each may be.</summary>
internal static class LabelSet
{
    /// <summary>Longest value of a label, in UTF-16 code units. Names of Kubernetes and the identities of service accounts are shorter.</summary>
    internal const int MaxLength = 1024;

    private const int DigestBytes = 8;

    /// <summary>Compares label sets by their values, also without an array for them.</summary>
    internal static readonly IEqualityComparer<string[]> Comparer = new ValueComparer();

    /// <summary>A copy in which no value is too long: of one that is, the beginning, <c>~</c> and 16 hexadecimal digits of its SHA-256 remain.</summary>
    internal static string[] Bounded(ReadOnlySpan<string> values, out bool isShortened)
    {
        isShortened = false;
        string[] bounded = values.ToArray();
        for (int i = 0; i < bounded.Length; i++)
        {
            if (bounded[i].Length <= MaxLength) continue;
            isShortened = true;
            string digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(bounded[i])).AsSpan(0, DigestBytes));
            int kept = MaxLength - digest.Length - 1;
            if (char.IsHighSurrogate(bounded[i][kept - 1])) kept--;
            bounded[i] = $"{bounded[i].AsSpan(0, kept)}~{digest}";
        }

        return bounded;
    }

    private sealed class ValueComparer : IEqualityComparer<string[]>, IAlternateEqualityComparer<ReadOnlySpan<string>, string[]>
    {
        public bool Equals(string[]? x, string[]? y) => x.AsSpan().SequenceEqual(y);

        public bool Equals(ReadOnlySpan<string> alternate, string[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(string[] obj) => GetHashCode(obj.AsSpan());

        public int GetHashCode(ReadOnlySpan<string> alternate)
        {
            HashCode hash = default;
            foreach (string value in alternate) hash.Add(value, StringComparer.Ordinal);
            return hash.ToHashCode();
        }

        public string[] Create(ReadOnlySpan<string> alternate) => alternate.ToArray();
    }
}
