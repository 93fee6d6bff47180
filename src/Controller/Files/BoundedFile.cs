using Culvert.Interop;
using Microsoft.Win32.SafeHandles;

namespace Culvert.Controller.Files;

/// <summary>Reads files that somebody else writes, and that may be of any size.</summary>
internal static class BoundedFile
{
    /// <summary>A file's content.</summary>
    /// <param name="path">Its path; links are followed.</param>
    /// <param name="most">Most bytes that it may have.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">It can't be read, or is no file: who opens a pipe waits for who writes to it.</exception>
    /// <exception cref="InvalidDataException">It has more.</exception>
    public static async Task<byte[]> ReadAsync(string path, int most, CancellationToken cancellationToken)
    {
        using SafeFileHandle handle = RegularFile.TryOpen(path) ?? throw new IOException("it is a folder, a pipe, a socket or a device");
        await using FileStream file = new(handle, FileAccess.Read, bufferSize: 0);

        // It may grow while it is read.
        byte[] content = new byte[Math.Min(file.Length, most) + 1];
        int read = await file.ReadAtLeastAsync(content, content.Length, throwOnEndOfStream: false, cancellationToken);
        return read <= most && read < content.Length ? content[..read] : throw new InvalidDataException($"it has more than {Math.Min(file.Length, most)} bytes{(file.Length > most ? "" : ", and is being written")}");
    }
}
