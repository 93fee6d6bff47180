using System.Text;
using Culvert.Core;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>What is noted of requests, as the mesh's settings say, made ready for the loops. Immutable.</summary>
internal sealed class RequestSettings
{
    /// <summary>What the settings say; null when nothing is noted.</summary>
    internal static RequestSettings? Of(MeshSettings mesh) => mesh.AccessLog.Mode == AccessLogMode.Disabled && mesh.Tracing.Mode == TracingMode.Disabled ? null : new RequestSettings(mesh);

    private RequestSettings(MeshSettings mesh)
    {
        (Log, Tracing) = (mesh.AccessLog, mesh.Tracing);
        Headers = [.. Log.Headers.Where(name => !SecretHeaders.Contains(name)).Select(Encoding.ASCII.GetBytes)];
    }

    /// <summary>The access log.</summary>
    internal AccessLogSettings Log { get; }

    /// <summary>Traces.</summary>
    internal TracingSettings Tracing { get; }

    /// <summary>Whether requests get a span of their own.</summary>
    internal bool IsTracing => Tracing.Mode == TracingMode.Enabled;

    /// <summary>Whether a trace that begins is recorded.</summary>
    /// <param name="random">What draws.</param>
    internal bool IsTraceDrawn(Random random) => IsDrawn(Tracing.SamplingPercent, random);

    /// <summary>The fields that it has besides.</summary>
    internal byte[][] Headers { get; }

    /// <summary>Whether a request is written to the access log.</summary>
    /// <param name="isError">Whether it failed.</param>
    /// <param name="random">What draws.</param>
    internal bool IsLogged(bool isError, Random random)
    {
        if (Log.Mode == AccessLogMode.Disabled || (Log.Mode == AccessLogMode.Errors && !isError)) return false;
        return (isError && !Log.SamplesErrors) || IsDrawn(Log.SamplingPercent, random);
    }

    private static bool IsDrawn(double percent, Random random) => percent >= 100 || (percent > 0 && random.NextDouble() * 100 < percent);
}
