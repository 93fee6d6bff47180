namespace Culvert.Labs;

/// <summary>Where nginx's loadable modules lie: distributions differ, and a relative path would be looked for below nginx's -p.</summary>
public static class NginxModules
{
    private const string StreamFile = "ngx_stream_module.so";
    private static readonly string[] Folders = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules"];

    /// <summary>Path of the stream module.</summary>
    /// <exception cref="FileNotFoundException">It is not installed.</exception>
    public static string Stream() =>
        Array.Find([.. Folders.Select(f => Path.Combine(f, StreamFile))], File.Exists)
            ?? throw new FileNotFoundException($"nginx has no stream module in {string.Join(", ", Folders)}: install libnginx-mod-stream", StreamFile);
}
