namespace Culvert.Interop.Netlink;

/// <summary>The kernel refused a network configuration request; the message ends with its own explanation when it gave one.</summary>
/// <param name="operation">What was tried, in words that continue "failed to".</param>
/// <param name="errno">The positive error number.</param>
/// <param name="detail">The kernel's extended acknowledgement, or null.</param>
public sealed class NetlinkException(string operation, int errno, string? detail = null) : KernelException(operation, errno, detail);
