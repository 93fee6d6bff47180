using Culvert.Bench.Sides;
using Culvert.Labs;

namespace Culvert.Bench.Datagrams;

/// <summary>The program for datagrams in a server pod, the same on both sides.</summary>
internal static class DatagramApplication
{
    public const int CountPort = 7000;

    public const int EchoPort = 7001;

    /// <summary>The bench itself, as it was started.</summary>
    internal static string Self => Environment.ProcessPath ?? throw new ToolFailedException("The bench cannot tell where its own program lies.");

    public static async Task StartAsync(LabPod pod, CancellationToken cancellationToken)
    {
        LabProcess server = pod.Start(
            $"{pod.Name}-datagrams", Self, DatagramProgram.Serve, $"{pod.Address4}:{CountPort}", $"{pod.Address4}:{EchoPort}", Counter(pod));
        await LabWait.UntilAsync(
            $"datagram server in {pod.Name} is ready", () => Task.FromResult(server.ReadLog().Contains(DatagramServer.Ready, StringComparison.Ordinal)),
            TimeSpan.FromSeconds(10), server, cancellationToken);
    }

    /// <summary>Calling a server of the pod at some address and the same ports.</summary>
    public static Target At(LabPod client, LabPod server, string host, int countPort = CountPort, int echoPort = EchoPort) =>
        new(client, host, Application.HttpPort, Application.BulkPort) { Datagrams = new($"{host}:{countPort}", $"{host}:{echoPort}", Counter(server)) };

    private static string Counter(LabPod pod) => Path.Combine(pod.Lab.Folder, $"{pod.Name}.datagrams");
}
