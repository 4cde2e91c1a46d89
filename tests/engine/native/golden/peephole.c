static void phase_0_1_0(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p3 = slot[3].now + b * slot[3].row;
        real *p4 = slot[4].now + b * slot[4].row;
        real *p5 = slot[5].now + b * slot[5].row;
        real *p6 = slot[6].now + b * slot[6].row;
        real *p7 = slot[7].now + b * slot[7].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n6 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n9 = load(tile[1] + r * stride[1] + (0 * vectors + v) * LANES);
            vec n13 = load(tile[1] + r * stride[1] + (1 * vectors + v) * LANES);
            vec n3 = READ(p0);
            vec n7 = n6 + n3;
            vec n2 = READ(p1);
            vec n10 = n9 + n2;
            vec n11 = sigmoid_(n10);
            vec n8 = READ(p2);
            vec n12 = n11 * n8;
            vec n1 = READ(p3);
            vec n14 = n13 + n1;
            vec n15 = sigmoid_(n14);
            vec n16 = tanh_(n7);
            vec n17 = n15 * n16;
            vec n18 = n12 + n17;
            WRITE(p4, n18);
            WRITE(p5, n11);
            WRITE(p6, n15);
            WRITE(p7, n16);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n6 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n9 = load(tile[1] + r * stride[1] + (0 * vectors + v) * LANES);
            vec n13 = load(tile[1] + r * stride[1] + (1 * vectors + v) * LANES);
            vec n3 = READ(p0);
            vec n7 = n6 + n3;
            vec n2 = READ(p1);
            vec n10 = n9 + n2;
            vec n11 = sigmoid_(n10);
            vec n8 = READ(p2);
            vec n12 = n11 * n8;
            vec n1 = READ(p3);
            vec n14 = n13 + n1;
            vec n15 = sigmoid_(n14);
            vec n16 = tanh_(n7);
            vec n17 = n15 * n16;
            vec n18 = n12 + n17;
            WRITE(p4, n18);
            WRITE(p5, n11);
            WRITE(p6, n15);
            WRITE(p7, n16);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_0_2_1(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p4 = slot[4].now + b * slot[4].row;
        real *p10 = slot[10].now + b * slot[10].row;
        real *p11 = slot[11].now + b * slot[11].row;
        real *p12 = slot[12].now + b * slot[12].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n19 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n4 = READ(p10);
            vec n20 = n19 + n4;
            vec n21 = sigmoid_(n20);
            vec n18 = READ(p4);
            vec n22 = tanh_(n18);
            vec n23 = n21 * n22;
            WRITE(p11, n23);
            WRITE(p12, n21);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n19 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n4 = READ(p10);
            vec n20 = n19 + n4;
            vec n21 = sigmoid_(n20);
            vec n18 = READ(p4);
            vec n22 = tanh_(n18);
            vec n23 = n21 * n22;
            WRITE(p11, n23);
            WRITE(p12, n21);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_1_2(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p3 = slot[3].now + b * slot[3].row;
        real *p4 = slot[4].now + b * slot[4].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n18 = READ(p0);
            vec n22 = tanh_(n18);
            vec n24 = READ(p1);
            vec n25 = READ(p2);
            vec n29 = n24 + n25;
            vec n30 = n29 * n22;
            vec n21 = READ(p3);
            vec n36 = set((real)0x1.0000000000000p+0) - n21;
            vec n37 = n21 * n36;
            vec n38 = n30 * n37;
            WRITE(p4, n38);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n18 = READ(p0);
            vec n22 = tanh_(n18);
            vec n24 = READ(p1);
            vec n25 = READ(p2);
            vec n29 = n24 + n25;
            vec n30 = n29 * n22;
            vec n21 = READ(p3);
            vec n36 = set((real)0x1.0000000000000p+0) - n21;
            vec n37 = n21 * n36;
            vec n38 = n30 * n37;
            WRITE(p4, n38);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_2_3(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p3 = slot[3].now + b * slot[3].row;
        real *p5 = slot[5].now + b * slot[5].row;
        real *p6 = slot[6].now + b * slot[6].row;
        real *p7 = slot[7].now + b * slot[7].row;
        real *p8 = slot[8].now + b * slot[8].row;
        real *p9 = slot[9].now + b * slot[9].row;
        real *p10 = slot[10].now + b * slot[10].row;
        real *p11 = slot[11].now + b * slot[11].row;
        real *p12 = slot[12].now + b * slot[12].row;
        real *p13 = slot[13].now + b * slot[13].row;
        real *p14 = slot[14].now + b * slot[14].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n41 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n18 = READ(p0);
            vec n22 = tanh_(n18);
            vec n24 = READ(p1);
            vec n25 = READ(p2);
            vec n29 = n24 + n25;
            vec n21 = READ(p3);
            vec n31 = n29 * n21;
            vec n32 = n22 * n22;
            vec n34 = set((real)0x1.0000000000000p+0) - n32;
            vec n35 = n31 * n34;
            vec n26 = READ(p5);
            vec n27 = READ(p6);
            vec n39 = n26 + n27;
            vec n40 = n39 + n35;
            vec n42 = n40 + n41;
            vec n16 = READ(p7);
            vec n43 = n42 * n16;
            vec n15 = READ(p8);
            vec n44 = n42 * n15;
            vec n45 = n16 * n16;
            vec n46 = set((real)0x1.0000000000000p+0) - n45;
            vec n47 = n44 * n46;
            vec n48 = set((real)0x1.0000000000000p+0) - n15;
            vec n49 = n15 * n48;
            vec n50 = n43 * n49;
            vec n8 = READ(p9);
            vec n51 = n42 * n8;
            vec n11 = READ(p10);
            vec n53 = set((real)0x1.0000000000000p+0) - n11;
            vec n54 = n11 * n53;
            vec n55 = n51 * n54;
            WRITE(p11, n50);
            WRITE(p12, n55);
            WRITE(p13, n47);
            WRITE(p14, n42);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n41 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n18 = READ(p0);
            vec n22 = tanh_(n18);
            vec n24 = READ(p1);
            vec n25 = READ(p2);
            vec n29 = n24 + n25;
            vec n21 = READ(p3);
            vec n31 = n29 * n21;
            vec n32 = n22 * n22;
            vec n34 = set((real)0x1.0000000000000p+0) - n32;
            vec n35 = n31 * n34;
            vec n26 = READ(p5);
            vec n27 = READ(p6);
            vec n39 = n26 + n27;
            vec n40 = n39 + n35;
            vec n42 = n40 + n41;
            vec n16 = READ(p7);
            vec n43 = n42 * n16;
            vec n15 = READ(p8);
            vec n44 = n42 * n15;
            vec n45 = n16 * n16;
            vec n46 = set((real)0x1.0000000000000p+0) - n45;
            vec n47 = n44 * n46;
            vec n48 = set((real)0x1.0000000000000p+0) - n15;
            vec n49 = n15 * n48;
            vec n50 = n43 * n49;
            vec n8 = READ(p9);
            vec n51 = n42 * n8;
            vec n11 = READ(p10);
            vec n53 = set((real)0x1.0000000000000p+0) - n11;
            vec n54 = n11 * n53;
            vec n55 = n51 * n54;
            WRITE(p11, n50);
            WRITE(p12, n55);
            WRITE(p13, n47);
            WRITE(p14, n42);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_3_4(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p10 = slot[10].now + b * slot[10].row;
        real *p14 = slot[14].now + b * slot[14].row;
        real *p15 = slot[15].now + b * slot[15].row;
        real *p16 = slot[16].now + b * slot[16].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n56 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n58 = load(tile[1] + r * stride[1] + (0 * vectors + v) * LANES);
            vec n42 = READ(p14);
            vec n11 = READ(p10);
            vec n52 = n42 * n11;
            vec n57 = n52 + n56;
            WRITE(p15, n57);
            WRITE(p16, n58);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n56 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n58 = load(tile[1] + r * stride[1] + (0 * vectors + v) * LANES);
            vec n42 = READ(p14);
            vec n11 = READ(p10);
            vec n52 = n42 * n11;
            vec n57 = n52 + n56;
            WRITE(p15, n57);
            WRITE(p16, n58);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

Body *const bodies[] = {phase_0_1_0, phase_0_2_1, phase_1_1_2, phase_1_2_3, phase_1_3_4};
Reducer *const reducers[] = {0};
