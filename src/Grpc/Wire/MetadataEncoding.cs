using System.Buffers;
using System.Collections.Frozen;
using System.Text;

namespace Culvert.Grpc;

/// <summary>Metadata as HTTP header values: text as it is, bytes as base64 without padding.</summary>
internal static class MetadataEncoding
{
    private static readonly FrozenSet<string> Reserved = FrozenSet.ToFrozenSet(
        [
            "content-type", "te", "host", "connection", "transfer-encoding", "content-length", "date", "server",
            GrpcProtocol.StatusTrailer, GrpcProtocol.MessageTrailer, GrpcProtocol.TimeoutHeader,
            GrpcProtocol.EncodingHeader, GrpcProtocol.AcceptEncodingHeader,
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a header belongs to the protocol, not to the application.</summary>
    internal static bool IsReserved(string key) => key.StartsWith(':') || Reserved.Contains(key);

    internal static string EncodeValue(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.BinarySpan).TrimEnd('=') : entry.Value;

    /// <summary>Adds a received header; several binary values may share one header, parted by commas.</summary>
    /// <exception cref="RpcException">A binary value is not base64.</exception>
    internal static void AddReceived(Metadata metadata, string key, string value)
    {
        if (!key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase))
        {
            // Some peers send text beyond ASCII in spite of the specification: it is dropped, not fatal.
            if (value.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
            {
                metadata.Add(key, value);
            }

            return;
        }

        foreach (Range part in value.AsSpan().Split(','))
        {
            metadata.Add(key, DecodeBase64(key, value.AsSpan()[part].Trim()));
        }
    }

    private static byte[] DecodeBase64(string key, ReadOnlySpan<char> value)
    {
        ReadOnlySpan<char> bare = value.TrimEnd('=');
        int padded = (bare.Length + 3) / 4 * 4;
        char[] rented = ArrayPool<char>.Shared.Rent(Math.Max(padded, 1));
        byte[] result = new byte[padded / 4 * 3];
        try
        {
            bare.CopyTo(rented);
            rented.AsSpan(bare.Length, padded - bare.Length).Fill('=');
            return Convert.TryFromBase64Chars(rented.AsSpan(0, padded), result, out int written)
                ? result[..written]
                : throw new RpcException(new Status(StatusCode.Internal, $"Binary metadata '{Printable(key)}' is not valid base64."));
        }
        finally
        {
            ArrayPool<char>.Shared.Return(rented);
        }
    }

    private static string Printable(string key)
    {
        StringBuilder text = new();
        foreach (char c in key.AsSpan(0, Math.Min(key.Length, 64)))
        {
            text.Append(c is >= ' ' and <= '~' ? c : '?');
        }

        return text.ToString();
    }
}
