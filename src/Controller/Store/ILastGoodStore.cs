namespace Culvert.Controller.Store;

/// <summary>Keeps what is in force, so that an object that is broken or gone when the controller starts has its last good version. Not thread-safe.</summary>
internal interface ILastGoodStore
{
    /// <summary>Keeps a set in place of the one before. When that fails it is said in the log, and tried again: the mesh does not depend on it.</summary>
    void Save(ObjectSet objects);

    /// <summary>Tries again what could not be kept. To be called from time to time.</summary>
    void SaveAgain();
}
