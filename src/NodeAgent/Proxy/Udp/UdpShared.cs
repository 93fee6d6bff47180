namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>What the loops share for datagrams.</summary>
/// <param name="Budget">Bounds sessions.</param>
/// <param name="Answers">Who stands for which client.</param>
internal sealed record UdpShared(ConnectionBudget Budget, UdpAnswers Answers);
