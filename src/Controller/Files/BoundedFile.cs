namespace Culvert.Controller.Files;

/// <summary>Reads files that somebody else writes, and that may be of any size.</summary>
internal static class BoundedFile
{
    /// <summary>A file's content.</summary>
    /// <param name="path">Its path; links are followed.</param>
    /// <param name="most">Most bytes that it may have.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">It can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">It has more.</exception>
    public static async Task<byte[]> ReadAsync(string path, int most, CancellationToken cancellationToken)
    {
        await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, useAsync: true);

        // It may grow while it is read.
        byte[] content = new byte[Math.Min(file.Length, most) + 1];
        int read = await file.ReadAtLeastAsync(content, content.Length, throwOnEndOfStream: false, cancellationToken);
        return read <= most && read < content.Length ? content[..read] : throw new InvalidDataException($"it has more than {Math.Min(file.Length, most)} bytes{(file.Length > most ? "" : ", and is being written")}");
    }
}
