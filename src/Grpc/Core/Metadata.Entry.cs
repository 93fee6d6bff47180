using System.Buffers;
using System.Text;

namespace Grpc.Core;

/// <content>One key with its value.</content>
public sealed partial class Metadata
{
    /// <summary>One header or trailer: a text value, or bytes when the key ends in <c>-bin</c>. Immutable.</summary>
    public sealed class Entry
    {
        private static readonly SearchValues<char> KeyChars =
            SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-.");

        private readonly string? value;
        private readonly byte[]? valueBytes;

        /// <summary>Makes a text entry.</summary>
        /// <param name="key">Letters, digits, <c>_</c>, <c>-</c> and <c>.</c>; must not end in <c>-bin</c>.</param>
        /// <param name="value">Printable ASCII.</param>
        /// <exception cref="ArgumentException">The key or the value is not valid.</exception>
        public Entry(string key, string value)
        {
            ArgumentNullException.ThrowIfNull(value);
            Key = Normalize(key);
            if (IsBinary)
            {
                throw new ArgumentException($"Metadata key '{Key}' ends in '{BinaryHeaderSuffix}', so its value must be bytes.", nameof(key));
            }

            if (value.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0)
            {
                throw new ArgumentException($"The value of metadata key '{Key}' has characters other than printable ASCII.", nameof(value));
            }

            this.value = value;
        }

        /// <summary>Makes a binary entry.</summary>
        /// <param name="key">A key that ends in <c>-bin</c>.</param>
        /// <param name="valueBytes">The bytes; copied.</param>
        /// <exception cref="ArgumentException">The key is not valid or does not end in <c>-bin</c>.</exception>
        public Entry(string key, byte[] valueBytes)
        {
            ArgumentNullException.ThrowIfNull(valueBytes);
            Key = Normalize(key);
            if (!IsBinary)
            {
                throw new ArgumentException($"Metadata key '{Key}' must end in '{BinaryHeaderSuffix}' to hold bytes.", nameof(key));
            }

            this.valueBytes = [.. valueBytes];
        }

        /// <summary>The key, in lower case.</summary>
        public string Key { get; }

        /// <summary>Whether the value is bytes.</summary>
        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        /// <summary>The text value.</summary>
        /// <exception cref="InvalidOperationException">The entry is binary.</exception>
        public string Value => value ?? throw new InvalidOperationException($"Metadata key '{Key}' holds bytes, not text.");

        /// <summary>A copy of the bytes; of a text entry, its ASCII bytes.</summary>
        public byte[] ValueBytes => valueBytes is null ? Encoding.ASCII.GetBytes(value!) : [.. valueBytes];

        /// <inheritdoc/>
        public override string ToString() => IsBinary
            ? $"[Entry: key={Key}, valueBytes={valueBytes!.Length} bytes]"
            : $"[Entry: key={Key}, value={value}]";

        internal ReadOnlySpan<byte> BinarySpan => valueBytes;

        private static string Normalize(string key)
        {
            ArgumentException.ThrowIfNullOrEmpty(key);
#pragma warning disable CA1308 // HTTP/2 header names are lower case (RFC 9113 section 8.2.1).
            string lower = key.ToLowerInvariant();
#pragma warning restore CA1308
            return lower.AsSpan().IndexOfAnyExcept(KeyChars) < 0
                ? lower
                : throw new ArgumentException($"Metadata key '{key}' has characters other than letters, digits, '_', '-' and '.'.", nameof(key));
        }
    }
}
