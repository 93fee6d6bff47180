using System.Security.Cryptography;
using System.Text;

namespace Culvert.Core;

/// <summary>
/// The content of a file behind a line with its SHA-256 digest, so that a disk that has changed a bit is noticed. Who can write the file can write the
/// digest: it is no defence against people. Files of older versions have no such line and are taken as they are. Pure.
/// </summary>
public static class ContentSeal
{
    private const int DigestDigits = 2 * SHA256.HashSizeInBytes;

    private static ReadOnlySpan<byte> Prefix => "sha256:"u8;

    private static int HeaderLength => Prefix.Length + DigestDigits + 1;

    /// <summary>Puts the line in front.</summary>
    public static byte[] Close(ReadOnlySpan<byte> content) => [.. Prefix, .. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(content))), (byte)'\n', .. content];

    /// <summary>The content behind the line.</summary>
    /// <exception cref="InvalidDataException">It is not what was written.</exception>
    public static ReadOnlyMemory<byte> Open(byte[] file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!file.AsSpan().StartsWith(Prefix)) return file;
        if (file.Length < HeaderLength || file[HeaderLength - 1] != '\n') throw new InvalidDataException("its first line is damaged");
        ReadOnlyMemory<byte> content = file.AsMemory(HeaderLength);
        string digest = Encoding.ASCII.GetString(file, Prefix.Length, DigestDigits);
        return digest == Convert.ToHexStringLower(SHA256.HashData(content.Span)) ? content : throw new InvalidDataException("it is not what was written: its digest differs");
    }
}
