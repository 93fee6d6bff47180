namespace Culvert.Interop;

/// <summary>Tells failures for want of memory or descriptors from those that say something of what was asked for: that there is none of it any more must not be concluded from them.</summary>
public static class ResourceShortage
{
    /// <summary>Whether an operation has failed for want of memory or descriptors, of the process or the system.</summary>
    /// <param name="failure">Of a file, or a <see cref="KernelException"/>; both have the error number as their result code.</param>
    public static bool Is(IOException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure.HResult is Errno.ENOMEM or Errno.ENFILE or Errno.EMFILE;
    }
}
