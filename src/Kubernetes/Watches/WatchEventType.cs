namespace Culvert.Kubernetes.Watches;

/// <summary>What an event of a watch says.</summary>
public enum WatchEventType
{
    /// <summary>The object is new, or new among those selected.</summary>
    Added,

    /// <summary>It has changed.</summary>
    Modified,

    /// <summary>It is gone, or no longer selected; the object as it was last.</summary>
    Deleted,

    /// <summary>Nothing happened up to this version.</summary>
    Bookmark,

    /// <summary>The server has taken up the watch; comes first.</summary>
    Opened,
}
