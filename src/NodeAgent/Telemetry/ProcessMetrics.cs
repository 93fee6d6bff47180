using System.Diagnostics;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>The process metrics that every Prometheus client exposes, under their usual names.</summary>
internal static class ProcessMetrics
{
    // To list a folder takes a descriptor: without one there is no sample, but the scrape goes on.
    private static CallbackSample[] OpenDescriptors()
    {
        try
        {
            return CallbackSample.Single(Directory.GetFileSystemEntries("/proc/self/fd").Length);
        }
        catch (IOException)
        {
            return [];
        }
    }

    internal static void Register(MetricRegistry registry)
    {
        double start = new DateTimeOffset(Process.GetCurrentProcess().StartTime.ToUniversalTime()).ToUnixTimeMilliseconds() / 1000.0;
        registry.Add(new CallbackFamily("process_cpu_seconds_total", "User and system CPU time.", "counter", [], () => CallbackSample.Single(Environment.CpuUsage.TotalTime.TotalSeconds)));
        registry.Add(new CallbackFamily("process_resident_memory_bytes", "Resident memory.", "gauge", [], () => CallbackSample.Single(Environment.WorkingSet)));
        registry.Add(new CallbackFamily("process_open_fds", "Open file descriptors.", "gauge", [], OpenDescriptors));
        registry.Add(new CallbackFamily("process_start_time_seconds", "Start time, Unix seconds.", "gauge", [], () => CallbackSample.Single(start)));
        registry.Add(new CallbackFamily("dotnet_gc_heap_bytes", "Managed heap after the last collection.", "gauge", [], () => CallbackSample.Single(GC.GetTotalMemory(forceFullCollection: false))));
        registry.Add(new CallbackFamily("dotnet_gc_collections_total", "Garbage collections by generation.", "counter", ["generation"],
            () => Enumerable.Range(0, GC.MaxGeneration + 1).Select(g => new CallbackSample([$"{g}"], GC.CollectionCount(g)))));
    }
}
