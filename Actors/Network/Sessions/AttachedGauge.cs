namespace Mesh.Actors.Sessions;

/// <summary>Says how many nodes are attached to this controller. Written by one actor, read by anybody.</summary>
sealed class AttachedGauge
{
    volatile int _count;

    /// <summary>Gets or sets the number.</summary>
    public int Count
    {
        get => _count;
        set => _count = value;
    }
}
