namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>The ports of probes, by which the programs know what may be one.</summary>
/// <param name="From">Source of those that are captured, an even number; of those that are not, the next one.</param>
/// <param name="To">Destination; 0: there are no probes.</param>
internal readonly record struct ProbePorts(ushort From, ushort To);
