namespace Culvert.Labs;

/// <summary>Runs nginx with its stream module in a namespace of a lab.</summary>
public static class LabNginx
{
    /// <summary>Writes a configuration and starts nginx with it, as one process in the foreground, in a folder of its own. It ends with the lab.</summary>
    /// <param name="place">Where it runs.</param>
    /// <param name="name">Name of the program and, with the place's, of its folder; unlike that of others in the place.</param>
    /// <param name="blocks">The <c>stream</c> and <c>http</c> blocks; relative paths in them are below its folder.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>The program; nothing listens yet.</returns>
    /// <exception cref="FileNotFoundException">nginx's stream module is not installed.</exception>
    public static async Task<LabProcess> StartAsync(LabNamespace place, string name, string blocks, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(place);
        var folder = Path.Combine(place.Lab.Folder, $"{name}-{place.Name}");
        Directory.CreateDirectory(folder);
        var configuration = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            load_module {{NginxModules.Stream()}};
            daemon off;
            master_process off;
            user root;
            pid {{folder}}/nginx.pid;
            events { worker_connections 1024; }
            {{blocks}}

            """, cancellationToken);
        return place.Start(name, "nginx", "-p", folder, "-c", configuration, "-e", Path.Combine(folder, "error.log"));
    }
}
