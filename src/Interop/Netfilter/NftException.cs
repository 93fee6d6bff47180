namespace Culvert.Interop.Netfilter;

/// <summary>nftables refused a command, or can't be used on this machine.</summary>
/// <param name="message">What was tried, and nft's own words.</param>
/// <param name="inner">What is behind it, or null.</param>
public sealed class NftException(string message, Exception? inner = null) : IOException(message, inner);
