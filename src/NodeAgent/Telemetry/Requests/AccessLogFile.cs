using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>
/// The access log in files of bounded size: when one is full it gets the name with <c>.1</c> at its end, the one that had that the next number, and the last is removed. A file that can't be written is tried again with the next lines.
/// Used by one thread.
/// </summary>
/// <param name="path">The file that is written.</param>
/// <param name="maxBytes">From which size on another is begun.</param>
/// <param name="count">How many there are at most, this one included; 1 or more.</param>
/// <param name="logger">Where it is said that it can't be written.</param>
internal sealed class AccessLogFile(string path, long maxBytes, int count, ILogger logger) : IAccessLogSink
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private FileStream? _file;
    private bool _hasFailed;

    /// <inheritdoc/>
    public bool TryWrite(ReadOnlySpan<byte> lines)
    {
        try
        {
            FileStream file = _file ??= Open();
            if (file.CanSeek && file.Length > 0 && file.Length + lines.Length > maxBytes) file = Rotate();
            file.Write(lines);
            if (_hasFailed) RequestLog.Written(logger, path);
            _hasFailed = false;
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whatever it is: the thread that writes is the agent's own.
            if (!_hasFailed) RequestLog.NotWritten(logger, path, e.Message);
            _hasFailed = true;
            Close();
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private FileStream Rotate()
    {
        Close();
        if (count == 1) File.Delete(path);
        for (int i = count - 1; i > 0; i--)
        {
            string from = i == 1 ? path : NameOf(i - 1);
            if (File.Exists(from)) File.Move(from, NameOf(i), overwrite: true);
        }

        return _file = Open();
    }

    private string NameOf(int number) => $"{path}.{number}";

    private FileStream Open()
    {
        FileStream file = new(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0, UnixCreateMode = Mode });
        if (file.CanSeek) file.Seek(0, SeekOrigin.End); // a pipe has no end
        return file;
    }

    private void Close()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException)
        {
            // What it had is written, or was told of.
        }

        _file = null;
    }
}
