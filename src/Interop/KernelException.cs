namespace Culvert.Interop;

/// <summary>A call into the kernel or a native library failed. Raw return codes stop here.</summary>
/// <remarks>The message names the operation, the object and the error by name and sentence.</remarks>
public class KernelException : IOException
{
    /// <summary>Makes the exception for a failed operation.</summary>
    /// <param name="operation">What was tried, in words that continue "failed to": "attach program 'x' to eth0".</param>
    /// <param name="errno">The positive error number.</param>
    /// <param name="detail">More from the kernel or library, or null.</param>
    public KernelException(string operation, int errno, string? detail = null)
        : base($"failed to {operation}: {Interop.Errno.Describe(errno)}{(string.IsNullOrWhiteSpace(detail) ? "" : $": {detail.TrimEnd()}")}")
    {
        Operation = operation;
        Errno = errno;
        HResult = errno;
    }

    /// <summary>What was tried, in words that continue "failed to".</summary>
    public string Operation { get; }

    /// <summary>The positive Linux error number.</summary>
    public int Errno { get; }

    /// <summary>The symbolic name of <see cref="Errno"/>.</summary>
    public string ErrnoName => Interop.Errno.Name(Errno);
}
