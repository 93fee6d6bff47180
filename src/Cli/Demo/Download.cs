using Culvert.Labs;

namespace Culvert.Cli.Demo;

/// <summary>A slow download by curl that runs while something else happens.</summary>
internal sealed class Download
{
    private readonly LabProcess _curl;
    private readonly string _file;

    private Download(LabProcess curl, string file)
    {
        _curl = curl;
        _file = file;
    }

    /// <summary>Bytes received so far.</summary>
    public long Received => File.Exists(_file) ? new FileInfo(_file).Length : 0;

    public bool HasEnded => _curl.HasExited;

    /// <summary>Starts it and waits until bytes arrive.</summary>
    public static async Task<Download> StartAsync(LabPod from, LabPod to, CancellationToken cancellationToken)
    {
        var file = Path.Combine(from.Lab.Folder, Guid.NewGuid().ToString("N"));
        var curl = from.Start("download", "curl", "-sS", "-N", "-o", file, DemoWorld.Url(to.Address4, DemoWorld.Port, "/slow"));
        var download = new Download(curl, file);
        await LabWait.UntilAsync("a download has begun", () => download.Received > 0, TimeSpan.FromSeconds(10), curl, cancellationToken);
        return download;
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>Status of curl: 0 when all arrived.</returns>
    public Task<int> WaitAsync(TimeSpan timeout, CancellationToken cancellationToken) => _curl.WaitForExitAsync(timeout, cancellationToken);

    /// <summary>What curl said.</summary>
    public string Message => _curl.LogTail(1);
}
