namespace Culvert.Bench.Scale;

/// <summary>What changes of one kind cost.</summary>
/// <param name="P50">Half of the agents had acknowledged by then, in seconds from the write of the object, over all changes.</param>
/// <param name="P99">99 of 100.</param>
/// <param name="Longest">The last of all.</param>
/// <param name="Told">Agents whose business one is.</param>
/// <param name="Bytes">Bytes that all agents together received for one.</param>
/// <param name="ControllerSeconds">Processor time of the controller for one.</param>
internal sealed record ChangeFigures(double P50, double P99, double Longest, int Told, double Bytes, double ControllerSeconds)
{
    /// <summary>Bytes for one agent that is told.</summary>
    public double BytesEach => Bytes / Told;
}

/// <summary>What was measured of one mesh.</summary>
/// <param name="Shape">How large it is.</param>
/// <param name="ReadSeconds">From the start of the controller until it serves: it has read and compiled its world.</param>
/// <param name="FullSeconds">From the start of the controller until all agents had acknowledged their full snapshots.</param>
/// <param name="FullBytes">Bytes that one agent received for that.</param>
/// <param name="FullControllerSeconds">Processor time of the controller for that.</param>
/// <param name="Retries">Streams that did not begin at the first attempt.</param>
/// <param name="Policy">Changes of one policy.</param>
/// <param name="Endpoint">Changes of one endpoint.</param>
/// <param name="Mesh">Changes of the mesh's settings.</param>
/// <param name="PeakMegabytes">Most memory that the controller had resident.</param>
internal sealed record ScaleFigures(
    ScaleShape Shape, double ReadSeconds, double FullSeconds, double FullBytes, double FullControllerSeconds, int Retries, ChangeFigures Policy, ChangeFigures Endpoint, ChangeFigures Mesh, double PeakMegabytes);
