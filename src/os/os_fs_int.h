/* SPDX-License-Identifier: Apache-2.0 */
/* What the file drivers of this room share: the kernel's error numbers in our words. */
#ifndef OS_FS_INT_H
#define OS_FS_INT_H

#include "base_err.h"

/* os_fs_code_of: the err_code of a file operation that failed with sys_errno. */
enum err_code os_fs_code_of(int sys_errno);

#endif
