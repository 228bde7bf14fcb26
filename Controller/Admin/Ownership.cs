using System.Runtime.InteropServices;

namespace Mesh.Controller.Admin;

/// <summary>Is the user and the group that a process acts as.</summary>
readonly partial record struct Ownership(int UserId, int GroupId)
{
    /// <summary>Gets this process's.</summary>
    public static Ownership OfProcess { get; } = new((int)GetEffectiveUserId(), (int)GetEffectiveGroupId());

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUserId();

    [LibraryImport("libc", EntryPoint = "getegid")]
    private static partial uint GetEffectiveGroupId();
}
